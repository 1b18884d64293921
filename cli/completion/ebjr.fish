# Completion of ebjr for fish; what there is to complete, ebjr knows.
function __ebjr_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] complete $words[2..] $current 2>/dev/null)
        if string match -q ':files*' -- $line
            set -l head (string sub -s 8 -- $line)
            set -l tail (string sub -s (math (string length -- "$head") + 1) -- $current)
            for file in (__fish_complete_path $tail)
                echo $head$file
            end
        else
            echo $line
        end
    end
end
complete -c ebjr -f -a '(__ebjr_complete)'
