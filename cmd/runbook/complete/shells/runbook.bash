# bash completion for runbook. To install it for every shell: runbook completion bash > ~/.local/share/bash-completion/completions/runbook
# or, in ~/.bashrc: source <(runbook completion bash)
_runbook() {
	local candidate
	COMPREPLY=()
	# bash also splits words at : and =, so runbook gets the line as it was typed.
	while IFS= read -r candidate; do
		COMPREPLY+=("$candidate")
	done < <("${COMP_WORDS[0]}" __complete bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
	if [ "${#COMPREPLY[@]}" -eq 1 ]; then
		case ${COMPREPLY[0]} in
		*/ | *=) compopt -o nospace 2>/dev/null ;;
		esac
	fi
}
complete -F _runbook runbook
