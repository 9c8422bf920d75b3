#compdef graycloud
# zsh completion of graycloud: the program itself knows what may come next.
_graycloud() {
	local -a found open whole
	found=("${(@f)$(${words[1]} complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	[[ -n ${found[(r):files]} ]] && _files
	open=(${(M)found:#*=})
	whole=(${${found:#*=}:#:files})
	(( $#open )) && compadd -Q -S '' -- $open
	(( $#whole )) && compadd -Q -- $whole
}
_graycloud "$@"
