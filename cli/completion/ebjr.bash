# Completion of ebjr for bash; what there is to complete, ebjr knows.
_ebjr() {
    local word glued=false words=() current head line
    # bash splits words at : and =, ebjr does not
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        word=${word//\\/} word=${word#[\"\']} word=${word%[\"\']}
        [[ $word == \~/* ]] && word=$HOME/${word#\~/}
        if [[ ${#words[@]} -gt 0 && ($glued == true || $word =~ ^[:=]+$) ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        [[ $word =~ [:=]$ ]] && glued=true || glued=false
    done
    current=${words[-1]}
    head=${current%"${current##*[:=]}"} # what readline takes for words before this one
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :files* ]]; then
            line=${line#:files }
            compopt -o filenames
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${current#"$line"}")
        else
            line=${line%%$'\t'*}
            COMPREPLY+=("$(printf %q "${line#"$head"}")")
            [[ $line == *: ]] && compopt -o nospace
        fi
    done < <("$1" complete "${words[@]}" 2>/dev/null)
    return 0
}
complete -F _ebjr ebjr
