/*
 * switch PID...: a switch between the network namespaces of processes, in user space. It makes an interface
 * "wan" in each, with the MAC address 02:00:00:00:00:NN, where NN is the number of the port from 1 on. Ports
 * are named from 0 on in the commands, one in a line on standard input; each is answered with "done":
 *
 *   cut A B | heal A B | oneway A B (nothing from A to B) | delay A B MS (each way) | loss A B PERCENT (each
 * way) | heal all
 *
 * Losses follow from SWITCH_SEED, so that a run can be repeated.
 */
#include "zones/base/array.h"
#include "zones/base/util.h"

#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PORTS = 10, FRAME = 2048, WAITING = 4096, TURN = 64 };

struct frame {
	double due_ms;
	int len;
	unsigned char octets[FRAME];
};

/* One direction of a link. Frames wait in a ring. */
struct link {
	bool cut;
	int delay_ms, loss;
	struct frame *ring;
	unsigned first, count;
};

static struct link links[PORTS][PORTS];
static int fds[PORTS], ports;
static unsigned long long seed;

static double
now_ms(void)
{
	return (double)boot_ns() / 1e6;
}

static bool
is_lost(const struct link *link)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return link->cut || (link->loss > 0 && (int)(mix64(seed) % 100) < link->loss);
}

static void
forward(int from, int to, const unsigned char *octets, int len)
{
	struct link *link = &links[from][to];
	struct frame *frame;

	if (is_lost(link))
		return;
	if (link->delay_ms == 0 && link->count == 0) {
		if (write(fds[to], octets, (size_t)len) < 0)
			return; /* the interface is down */
		return;
	}
	if (link->count == WAITING)
		return;
	if (link->ring == NULL)
		link->ring = xcalloc(WAITING, sizeof *link->ring);
	frame = &link->ring[(link->first + link->count++) % WAITING];
	frame->due_ms = now_ms() + link->delay_ms;
	frame->len = len;
	memcpy(frame->octets, octets, (size_t)len);
}

/* Deliver what is due; returns the time of the next in ms, -1: nothing waits. */
static int
deliver(void)
{
	double now = now_ms(), next = -1;

	for (int i = 0; i < ports; i++)
		for (int j = 0; j < ports; j++) {
			struct link *link = &links[i][j];

			while (link->count > 0 && link->ring[link->first].due_ms <= now) {
				struct frame *frame = &link->ring[link->first];

				if (!link->cut && write(fds[j], frame->octets, (size_t)frame->len) < 0)
					continue;
				link->first = (link->first + 1) % WAITING;
				link->count--;
			}
			if (link->count > 0 && (next < 0 || link->ring[link->first].due_ms < next))
				next = link->ring[link->first].due_ms;
		}
	return next < 0 ? -1 : (int)(next - now) + 1;
}

static void
receive(int port)
{
	unsigned char octets[FRAME];

	for (int i = 0; i < TURN; i++) {
		ssize_t len = read(fds[port], octets, sizeof octets);

		if (len < 14)
			return;
		for (int to = 0; to < ports; to++)
			if (to != port && ((octets[0] & 1) != 0 || octets[5] == to + 1))
				forward(port, to, octets, (int)len);
	}
}

static void
heal_all(void)
{
	for (int i = 0; i < PORTS; i++)
		for (int j = 0; j < PORTS; j++) {
			links[i][j].cut = false;
			links[i][j].delay_ms = links[i][j].loss = 0;
		}
}

static void
command(char *line)
{
	char *words[4] = {NULL}, *save = NULL, *word = strtok_r(line, " \n", &save);
	int count = 0, a, b, n;

	for (; word != NULL && count < 4; word = strtok_r(NULL, " \n", &save))
		words[count++] = word;
	if (count == 2 && strcmp(words[1], "all") == 0) {
		heal_all();
		return;
	}
	if (count < 3)
		errx(1, "invalid command");
	a = atoi(words[1]), b = atoi(words[2]), n = count > 3 ? atoi(words[3]) : 0;
	if (a < 0 || b < 0 || a >= ports || b >= ports)
		errx(1, "no such port");
	if (strcmp(words[0], "delay") == 0)
		links[a][b].delay_ms = links[b][a].delay_ms = n;
	else if (strcmp(words[0], "loss") == 0)
		links[a][b].loss = links[b][a].loss = n;
	else
		links[a][b].cut = strcmp(words[0], "heal") != 0;
	if (strcmp(words[0], "cut") == 0 || strcmp(words[0], "heal") == 0)
		links[b][a].cut = links[a][b].cut;
}

static int
open_port(const char *pid, int number)
{
	char *path = xasprintf("/proc/%s/ns/net", pid);
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int space = open(path, O_RDONLY | O_CLOEXEC), fd;
	static const unsigned char mac[5] = {2};

	if (space < 0 || setns(space, CLONE_NEWNET) < 0)
		err(1, "%s", path);
	close(space);
	snprintf(request.ifr_name, sizeof request.ifr_name, "wan");
	/* The descriptor belongs to the namespace in which it is opened. */
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		err(1, "/dev/net/tun");
	memset(&request.ifr_hwaddr, 0, sizeof request.ifr_hwaddr);
	request.ifr_hwaddr.sa_family = 1; /* ARPHRD_ETHER */
	memcpy(request.ifr_hwaddr.sa_data, mac, sizeof mac);
	request.ifr_hwaddr.sa_data[5] = (char)(number + 1);
	if (ioctl(fd, SIOCSIFHWADDR, &request) < 0)
		err(1, "cannot set the address of an interface");
	free(path);
	return fd;
}

static void
on_end(int number)
{
	(void)number;
	_exit(0);
}

int
main(int argc, char **argv)
{
	struct pollfd polled[PORTS + 1];
	char line[256];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, on_end);
	if (getenv("SWITCH_SEED") != NULL)
		seed = (unsigned long long)atoll(getenv("SWITCH_SEED"));
	if (argc - 1 > PORTS)
		errx(2, "at most %d ports", PORTS);
	for (ports = 0; ports < argc - 1; ports++)
		fds[ports] = open_port(argv[ports + 1], ports);
	setvbuf(stdin, NULL, _IONBF, 0);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		for (int i = 0; i <= ports; i++)
			polled[i] = (struct pollfd){i < ports ? fds[i] : STDIN_FILENO, POLLIN, 0};
		if (poll(polled, (nfds_t)ports + 1, deliver()) < 0)
			continue;
		for (int i = 0; i < ports; i++)
			if (polled[i].revents != 0)
				receive(i);
		if (polled[ports].revents == 0)
			continue;
		if (fgets(line, sizeof line, stdin) == NULL)
			return 0;
		command(line);
		printf("done\n");
		fflush(stdout);
	}
}
