#!/usr/bin/env bash
# A run in shards on a Slurm cluster: an array job, a task a shard, and a job that merges them once
# all are done.
#
#   examples/slurm.sh SHARDS DB [OPTION OF ebjr run...]
#   examples/slurm.sh 16 imagenet.db --dataset npy:x.npy --labels y.npy --model a.pt --model b.pt
#
# Paths, that of DB too, must be the same on all nodes. What was lost to a time limit or a node is done
# again by the same command: shards go on where they stand. Options for sbatch (a partition, a time
# limit, --gres=gpu:1) are taken from SBATCH_* variables, as sbatch has it.
set -euo pipefail

if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then # a task of the array: SHARDS DB OPTION...
    shards=$1 db=$2
    # the number is said, not asked from Slurm (--shard auto): so one task alone can be done again
    # by sbatch --array=3
    srun ebjr run --shard "$SLURM_ARRAY_TASK_ID/$shards" --db "$db.shard-{rank}" "${@:3}"
elif [ -n "${SLURM_JOB_ID:-}" ]; then # the merge: SHARDS DB
    shards=$1 db=$2 parts=()
    for ((i = 0; i < shards; i++)); do parts+=("$db.shard-$i"); done
    srun ebjr merge --db "$db" "${parts[@]}"
    for part in "${parts[@]}"; do rm -f -- "$part" "$part-wal" "$part-shm"; done
elif [ $# -gt 2 ]; then
    array=$(sbatch --parsable --job-name=ebjr-run --array="0-$(($1 - 1))" "$0" "$@")
    sbatch --parsable --job-name=ebjr-merge --dependency="afterok:${array%%;*}" "$0" "$1" "$2"
else
    echo "usage: $0 SHARDS DB [OPTION OF ebjr run...]" >&2
    exit 2
fi
