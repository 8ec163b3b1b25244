/* The main program of a fuzz target where there is no libFuzzer: hands every
   seed to the target once, so that a crash found long ago stays found. Seeds
   are in $top_srcdir/tests/fuzz/seeds/NAME for a program called fuzz-NAME, or
   the files named on the command line. Speaks TAP. A target whose folder is
   missing or empty fails: nothing would have been tested. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int replayed, failed;

static unsigned char *read_all(FILE *file, size_t *size_r)
{
	unsigned char *data = NULL;
	size_t size = 0, room = 0, n;

	do {
		if (size == room) {
			room = room == 0 ? 4096 : room * 2;
			data = realloc(data, room);
			if (data == NULL)
				abort();
		}
		n = fread(data + size, 1, room - size, file);
		size += n;
	} while (n > 0);
	*size_r = size;
	return data;
}

static void replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	unsigned char *data, *exact;
	size_t size;

	replayed++;
	if (file == NULL) {
		failed++;
		printf("not ok %u - %s cannot be read\n", replayed, path);
		return;
	}
	data = read_all(file, &size);
	fclose(file);
	/* Exactly as large as the seed, for the sanitizers. */
	exact = malloc(size == 0 ? 1 : size);
	if (exact == NULL)
		abort();
	memcpy(exact, data, size);
	free(data);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	printf("ok %u - %s\n", replayed, path);
	fflush(stdout);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay_folder(const char *folder)
{
	struct dirent **entries;
	char *path;
	int i, count = scandir(folder, &entries, not_hidden, alphasort);

	for (i = 0; i < count; i++) {
		if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
			abort();
		replay(path);
		free(path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	if (count <= 0) {
		failed++;
		printf("not ok %u - no seeds in %s\n", ++replayed, folder);
	}
}

int main(int argc, char *argv[])
{
	const char *top = getenv("top_srcdir");
	const char *name = strstr(argv[0], "fuzz-");
	char folder[4096];
	int i;

	if (argc > 1) {
		for (i = 1; i < argc; i++)
			replay(argv[i]);
	} else {
		while (name != NULL && strstr(name + 1, "fuzz-") != NULL)
			name = strstr(name + 1, "fuzz-");
		snprintf(folder, sizeof(folder), "%s/tests/fuzz/seeds/%s",
			 top == NULL ? "." : top,
			 name == NULL ? argv[0] : name + strlen("fuzz-"));
		replay_folder(folder);
	}
	printf("1..%u\n", replayed);
	return failed == 0 ? 0 : 1;
}
