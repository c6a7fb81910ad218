#compdef runbook
# zsh completion for runbook. To install it for every shell: runbook completion zsh > DIR/_runbook, with DIR a folder in $fpath
# or, in ~/.zshrc after compinit: source <(runbook completion zsh)
_runbook() {
	local line value about
	local -a values shown open opened
	while IFS= read -r line; do
		value=${line%%$'\t'*} about=
		[[ $line == *$'\t'* ]] && about=${line#*$'\t'}
		if [[ $value == */ || $value == *= ]]; then
			open+=("$value") opened+=("$value${about:+  -- $about}")
		else
			values+=("$value") shown+=("$value${about:+  -- $about}")
		fi
	done < <("${(Q)words[1]}" __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)
	(( $#values )) && compadd -l -d shown -a values
	(( $#open )) && compadd -S '' -d opened -a open
	(( $#values + $#open ))
}
if [[ ${funcstack[1]} == _runbook ]]; then
	_runbook "$@"
else
	compdef _runbook runbook
fi
