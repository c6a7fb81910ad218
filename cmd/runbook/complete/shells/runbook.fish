# fish completion for runbook. To install it for every shell: runbook completion fish > ~/.config/fish/completions/runbook.fish
# or, in ~/.config/fish/config.fish: runbook completion fish | source
function __runbook_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete fish $words[2..-1] 2>/dev/null
end
complete -c runbook -f -a '(__runbook_complete)'
