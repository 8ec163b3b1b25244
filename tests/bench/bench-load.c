/* Asks a policy service as fast as it answers: so many connections, one request
   outstanding on each, as Postfix does it. Each request is another mailbox of
   those that gen-rules.py wrote and whose mail is allowed.

   usage: bench-load unix PATH | tcp PORT  CONNECTIONS SECONDS RULES
   writes: requests, seconds, the latencies' p50 and p99 in microseconds, and
   the processor seconds it took itself; exit status 1 for a reply other than
   DUNNO. */

#include "gatepost-config.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REPLY "action=DUNNO\n\n"
#define CONNECTIONS_MAX 20000
/* Latencies are counted by the microsecond up to here. */
#define LATENCY_MAX 1000000

static const char head[] =
	"request=smtpd_access_policy\nprotocol_state=RCPT\n"
	"protocol_name=ESMTP\nclient_address=192.0.2.17\n"
	"client_name=client.example\nclient_port=41234\n"
	"reverse_client_name=client.example\nserver_address=192.0.2.25\n"
	"server_port=587\nhelo_name=client.example\n"
	"sender=someone@example.com\nrecipient=somebody@example.net\n"
	"recipient_count=0\nqueue_id=\ninstance=1b5d.6741e2a0.3c2e4.0\n"
	"size=0\netrn_domain=\nstress=\nsasl_method=PLAIN\nsasl_username=";
static const char tail[] =
	"\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\n"
	"ccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\n"
	"encryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\n"
	"policy_context=submission\n\n";

static uint32_t latencies[LATENCY_MAX + 1];
static int64_t asked_at[CONNECTIONS_MAX + 64];
static char request[sizeof(head) + sizeof(tail) + 64];
static uint64_t state = 1;
static uint32_t rules;

static int64_t nanoseconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int connect_to(const char *kind, const char *where)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, ret, one = 1;

	if (strcmp(kind, "tcp") == 0) {
		in.sin_port = htons(atoi(where));
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
				 sizeof(one));
		ret = connect(fd, (struct sockaddr *)&in, sizeof(in));
	} else {
		strncpy(un.sun_path, where, sizeof(un.sun_path) - 1);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		ret = connect(fd, (struct sockaddr *)&un, sizeof(un));
	}
	if (fd < 0 || ret < 0 || fd >= CONNECTIONS_MAX + 64)
		fail("connect");
	return fd;
}

/* Every sixth mailbox of gen-rules.py may not send. */
static uint32_t next_mailbox(void)
{
	uint32_t number;

	do {
		state = state * UINT64_C(6364136223846793005) +
			UINT64_C(1442695040888963407);
		number = (state >> 33) % rules;
	} while (number % 6 == 4);
	return number;
}

static void ask(int fd)
{
	uint32_t number = next_mailbox();
	char name[64];
	int len = snprintf(name, sizeof(name), "user%08u@dom%06u.example",
			   number, number / 100);

	memcpy(request + sizeof(head) - 1, name, len);
	memcpy(request + sizeof(head) - 1 + len, tail, sizeof(tail) - 1);
	len += sizeof(head) - 1 + sizeof(tail) - 1;
	asked_at[fd] = nanoseconds();
	if (write(fd, request, len) != len)
		fail("write");
}

static void take(int fd)
{
	char reply[512];
	ssize_t got = read(fd, reply, sizeof(reply));
	int64_t latency = (nanoseconds() - asked_at[fd]) / 1000;

	if (got != sizeof(REPLY) - 1 || memcmp(reply, REPLY, got) != 0) {
		fprintf(stderr, "no DUNNO: %.*s\n", (int)(got < 0 ? 0 : got),
			reply);
		exit(1);
	}
	latencies[latency < LATENCY_MAX ? latency : LATENCY_MAX]++;
}

static unsigned percentile(uint64_t requests, double part)
{
	uint64_t seen = 0;
	unsigned i;

	for (i = 0; i < LATENCY_MAX; i++) {
		seen += latencies[i];
		if (seen >= requests * part)
			break;
	}
	return i;
}

static double processor_seconds(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
		(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void run(int epoll, int64_t seconds)
{
	struct epoll_event events[256];
	int64_t begun = nanoseconds(), now = begun;
	int64_t end = begun + seconds * INT64_C(1000000000);
	uint64_t requests = 0;
	int count, i;

	while (now < end) {
		count = epoll_wait(epoll, events, 256, 1000);
		for (i = 0; i < count; i++) {
			take(events[i].data.fd);
			ask(events[i].data.fd);
			requests++;
		}
		now = nanoseconds();
	}
	printf("%llu %.3f %u %u %.3f\n", (unsigned long long)requests,
	       (now - begun) / 1e9, percentile(requests, 0.5),
	       percentile(requests, 0.99), processor_seconds());
}

int main(int argc, char *argv[])
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(0), connections, i;

	if (argc != 6 || epoll < 0)
		return 64;
	connections = atoi(argv[3]);
	rules = strtoul(argv[5], NULL, 10);
	if (connections < 1 || connections > CONNECTIONS_MAX || rules < 6)
		return 64;
	memcpy(request, head, sizeof(head) - 1);
	for (i = 0; i < connections; i++) {
		event.data.fd = connect_to(argv[1], argv[2]);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
			fail("epoll_ctl");
		ask(event.data.fd);
	}
	run(epoll, atoi(argv[4]));
	return 0;
}
