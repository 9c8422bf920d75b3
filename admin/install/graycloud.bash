# bash completion of graycloud: the program itself knows what may come next.
_graycloud()
{
	local line=${COMP_LINE:0:COMP_POINT} current candidate
	local -a words
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=('')
	current=${words[-1]}
	COMPREPLY=()
	# bash breaks words at "=" and ":", and wants only what follows the last of them.
	local kept=''
	[[ $COMP_WORDBREAKS == *=* && $current == *=* ]] && kept=${current%"${current##*=}"}
	[[ $COMP_WORDBREAKS == *:* && $current == *:* ]] && kept=${current%"${current##*:}"}
	while IFS= read -r candidate; do
		if [[ $candidate == :files ]]; then
			compopt -o default 2>/dev/null
			continue
		fi
		[[ $candidate == *= ]] && compopt -o nospace 2>/dev/null
		COMPREPLY+=("${candidate#"$kept"}")
	done < <("${words[0]}" complete "${words[@]:1}" 2>/dev/null)
}
complete -F _graycloud graycloud
