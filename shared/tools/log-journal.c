/* Asked for are entries with syslog's facility "mail", which all use that log
   to syslog, and those of the programs that may write to standard error
   instead: the journal finds both by its index. Times are those of the journal,
   in UTC. */

#include "gatepost-config.h"
#include "shared/tools/log-journal.h"

#include <string.h>
#include <sys/stat.h>

#include "shared/tools/program.h"

bool log_journal_is_at(const char *path)
{
	static const char ending[] = ".journal";
	size_t len = strlen(path);
	struct stat st;

	if (len > strlen(ending) &&
	    strcmp(path + len - strlen(ending), ending) == 0)
		return true;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

#ifdef HAVE_SYSTEMD
#include <errno.h>
#include <systemd/sd-journal.h>

/* A folder of other logs would look like one in which nobody logged in. */
static int open_folder(const char *path, sd_journal **journal_r)
{
	int status = sd_journal_open_directory(journal_r, path, 0);
	uint64_t bytes = 1;

	if (status >= 0)
		status = sd_journal_get_usage(*journal_r, &bytes);
	return bytes > 0 ? status : -EISDIR;
}

static int open_journal(const char *path, sd_journal **journal_r)
{
	const char *files[] = { path, NULL };
	struct stat st;

	if (path == NULL)
		return sd_journal_open(journal_r, SD_JOURNAL_LOCAL_ONLY);
	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return open_folder(path, journal_r);
	return sd_journal_open_files(journal_r, files, 0);
}

/* A field's value, without its name. */
static struct log_piece field(sd_journal *journal, const char *name)
{
	struct log_piece value = { NULL, 0 };
	const void *data;
	size_t len, skipped = strlen(name) + 1;

	if (sd_journal_get_data(journal, name, &data, &len) < 0 ||
	    len < skipped)
		return value;
	value.data = (const char *)data + skipped;
	value.len = len - skipped;
	return value;
}

/* What was got first may be gone when the next is asked for: short ones are
   copied. */
struct entry {
	char host[256];
	char program[128];
};

static struct log_piece keep(char *storage, size_t size,
			     struct log_piece value)
{
	size_t len = value.len < size ? value.len : size;

	if (len > 0)
		memcpy(storage, value.data, len);
	return (struct log_piece) { storage, len };
}

static int read_entry(sd_journal *journal, log_journal_entry *entry,
		      void *context)
{
	struct log_line line = { .pid = 0 };
	struct log_piece pid;
	struct entry kept;
	uint64_t microseconds = 0;

	if (sd_journal_get_realtime_usec(journal, &microseconds) < 0)
		return 0;
	line.host = keep(kept.host, sizeof(kept.host),
			 field(journal, "_HOSTNAME"));
	line.program = keep(kept.program, sizeof(kept.program),
			    field(journal, "SYSLOG_IDENTIFIER"));
	pid = field(journal, "SYSLOG_PID");
	if (pid.len == 0)
		pid = field(journal, "_PID");
	log_piece_number(&pid, &line.pid);
	line.text = field(journal, "MESSAGE");
	return entry(context, &line, (int64_t)(microseconds / 1000000));
}

static int choose(sd_journal *journal)
{
	static const char *const matches[] = {
		"SYSLOG_FACILITY=2", "SYSLOG_IDENTIFIER=dovecot",
		"SYSLOG_IDENTIFIER=gatepost-policyd"
	};
	int status = 0;

	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]) &&
	     status >= 0; i++) {
		status = sd_journal_add_match(journal, matches[i], 0);
		if (status >= 0)
			status = sd_journal_add_disjunction(journal);
	}
	return status;
}

int log_journal_read(const char *path, int64_t since,
		     log_journal_entry *entry, void *context)
{
	const char *name = path != NULL ? path : "the journal";
	sd_journal *journal = NULL;
	int status = open_journal(path, &journal);

	if (status >= 0)
		status = choose(journal);
	if (status >= 0)
		status = since > 0 ?
			sd_journal_seek_realtime_usec(journal,
				(uint64_t)since * 1000000) :
			sd_journal_seek_head(journal);
	while (status >= 0) {
		status = sd_journal_next(journal);
		if (status <= 0)
			break;
		status = read_entry(journal, entry, context);
		if (status > 0)
			break;
	}
	if (status < 0) {
		gp_program_error("%s: %s", name, status == -EISDIR ?
				 "a folder without journals; name the log "
				 "files in it" : strerror(-status));
		status = gp_program_exit_code_of_reading(-status);
	}
	sd_journal_close(journal);
	return status;
}
#else

int log_journal_read(const char *path, int64_t since,
		     log_journal_entry *entry, void *context)
{
	(void)since;
	(void)entry;
	(void)context;
	gp_program_error("%s cannot be read: this gatepost was built without "
			 "libsystemd; name log files instead, or pass what "
			 "journalctl prints: journalctl -o short-iso "
			 "SYSLOG_FACILITY=2 | gatepost ... -",
			 path != NULL ? path : "the journal");
	return EX_UNAVAILABLE;
}
#endif
