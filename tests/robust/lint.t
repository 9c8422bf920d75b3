# The order of the rooms (tests/tools/rooms) is held by tests/tools/check_rooms: shown on a small tree with the real table.
use strict;
use warnings;
use Cwd qw(getcwd);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

my $root = getcwd();
my $tree = tempdir(CLEANUP => 1);

sub put {
	my ($file, $text) = @_;
	make_path("$tree/" . ($file =~ s{/[^/]*$}{}r));
	open my $out, '>', "$tree/$file" or die "$file: $!";
	print $out $text;
	close $out;
	return if $file !~ /\.c$/;
	make_path("$tree/build/obj/" . ($file =~ s{/[^/]*$}{}r));
	system("cd $tree && \${CC:-cc} -I. -c -o build/obj/" . ($file =~ s/c$/o/r) . " $file") == 0 or die "cc $file";
	my $now = time;
	utime $now - 10, $now - 10, "$tree/$file";
}

sub check { my $text = `cd $tree && tests/tools/check_rooms build/obj 2>&1`; return ($?, $text) }

sub passes {
	my ($name) = @_;
	my ($status, $text) = check();
	ok($status == 0, $name) or diag($text);
}

sub fails {
	my ($name, $sentence) = @_;
	my ($status, $text) = check();
	ok($status != 0 && $text =~ $sentence, $name) or diag($text);
}

# One that looks only to the left.
make_path("$tree/tests/tools");
system("cp $root/tests/tools/check_rooms $tree/tests/tools/") == 0 or die;
open my $in, '<', "$root/tests/tools/rooms" or die;
my $table = join '', <$in>;
sub left { put('zones/dns/left.h', "int left(void);\n"); put('zones/dns/left.c', "#include \"zones/dns/left.h\"\nint left(void) { return 0; }\n") }
sub right {
	my ($more) = @_;
	put('zones/store/right.h', "int right(void);\n");
	put('zones/store/right.c', "#include \"zones/dns/left.h\"\nint right(void) { return left(); }\n");
}
put('tests/tools/rooms', $table);
left();
right();
put('dnsd/main.c', "#include \"zones/store/right.h\"\nint main(void) { return right(); }\n");
put('monitor/main.c', "int main(void) { return 0; }\n");
system("cd $tree && git init -q . && printf 'build\\n' > .gitignore") == 0 or die;
passes('a room may include and call the rooms to its left');

put('zones/dns/left.h', "#include \"zones/store/right.h\"\nint left(void);\n");
fails('a header that includes a room to its right fails',
	qr{zones/dns/left\.h:1: zones/dns includes zones/store/right\.h, and zones/store is not to its left});
left();

put('zones/dns/left.c', "int right(void);\nint left(void) { return right(); }\n");
fails('a symbol of a room to the right fails, though no header is included',
	qr{zones/dns/left\.c: zones/dns uses right of zones/store/right\.c});
fails('files that call each other are reported as a circle', qr{in a circle: zones/dns/left\.c zones/store/right\.c\n\tzones/dns/left\.c uses right});
left();

put('monitor/main.c', "int serve(void);\nint main(void) { return serve(); }\n");
put('dnsd/serve.c', "int serve(void) { return 0; }\n");
fails('a symbol of another program fails', qr{monitor/main\.c: calls serve\(\) of another program});
put('monitor/main.c', "#include \"dnsd/rrl.h\"\nint main(void) { return 0; }\n") if put('dnsd/rrl.h', "") || 1;
fails('a header of another program fails', qr{monitor/main includes dnsd/rrl\.h});
put('monitor/main.c', "int main(void) { return 0; }\n");

put('zones/new/new.c', "int new_room(void) { return 0; }\n");
fails('a folder that the table does not name fails', qr{zones/new is a room that tests/tools/rooms does not name});
unlink "$tree/zones/new/new.c";

put('zones/dns/other.c', "int left(void);\nint other(void) { return left(); }\n");
put('zones/dns/left.c', "int other(void);\nint left(void) { return other(); }\n");
fails('a circle within a room fails', qr{in a circle: zones/dns/left\.c zones/dns/other\.c});
left();

done_testing();
