#include "sync/engine/certificate.h"

#include "zones/base/util.h"
#include "zones/daemon/tls.h"
#include "zones/model/model.h"

#include <err.h>

enum { LOOK_MS = 5000 };
enum { GOOD, ENDS_SOON, ENDED, UNREADABLE };
static const int64_t day_ms = 86400000;

static int
judge(int64_t until, int64_t wall)
{
	if (until == 0)
		return UNREADABLE;
	if (until <= wall)
		return ENDED;
	return until <= wall + CERTIFICATE_WARN_DAYS * day_ms ? ENDS_SOON : GOOD;
}

/* Log each state once, and each renewal. */
static void
note(struct certificate *certificate, int64_t before, int state)
{
	char when[32];

	if (state == certificate->logged && certificate->until == before)
		return;
	wall_text(certificate->until, when);
	if (state == UNREADABLE)
		warnx("--%s %s: there is no certificate in it, or it cannot be read", certificate->option,
		    certificate->path);
	else if (state == ENDED)
		warnx("--%s %s: the certificate ended at %.19sZ: new connections with etcd fail; renew it",
		    certificate->option, certificate->path, when);
	else if (state == ENDS_SOON)
		warnx(
		    "--%s %s: the certificate ends at %.19sZ", certificate->option, certificate->path, when);
	else if (before != 0)
		warnx("--%s %s: the certificate is good until %.19sZ", certificate->option, certificate->path,
		    when);
	certificate->logged = state;
}

void
certificates_look(struct certificates *certificates, uint64_t now_ms, int64_t wall)
{
	if (certificates->looked_ms != 0 && now_ms < certificates->looked_ms + LOOK_MS)
		return;
	certificates->looked_ms = now_ms;
	for (unsigned i = 0; i < CERTIFICATE_FILES; i++) {
		struct certificate *certificate = &certificates->files[i];
		int64_t before = certificate->until;

		if (certificate->path == NULL)
			continue;
		certificate->until = tls_file_until(certificate->path);
		note(certificate, before, judge(certificate->until, wall));
	}
}

int64_t
certificates_until(const struct certificates *certificates)
{
	int64_t first = 0;

	for (unsigned i = 0; i < CERTIFICATE_FILES; i++) {
		int64_t until = certificates->files[i].until;

		if (until != 0 && (first == 0 || until < first))
			first = until;
	}
	return first;
}
