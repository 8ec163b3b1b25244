/* Each library is optional: without it a file of its format is refused by
   name, and never read as if it were text. Files that were put together from
   several compressed ones are read to their end, as gzip -d does. */

#include "gatepost-config.h"
#include "shared/tools/log-unpack.h"

#include <stdlib.h>
#include <string.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "shared/base/memory.h"

#ifdef HAVE_ZLIB
/* With a gzip header. */
#define GZIP_WINDOW (15 + 16)

static int gzip_begin(struct log_unpack *unpack)
{
	z_stream *stream = gp_alloc(sizeof(*stream));

	unpack->state = stream;
	return inflateInit2(stream, GZIP_WINDOW) == Z_OK ? 0 : -1;
}

static int gzip_run(struct log_unpack *unpack, bool last)
{
	z_stream *stream = unpack->state;
	int status;

	(void)last;
	/* Another member follows. */
	if (unpack->at_end && unpack->in_len > 0) {
		inflateReset(stream);
		unpack->at_end = false;
	}
	stream->next_in = (unsigned char *)unpack->in;
	stream->avail_in = (unsigned)unpack->in_len;
	stream->next_out = unpack->out;
	stream->avail_out = (unsigned)unpack->out_len;
	status = inflate(stream, Z_NO_FLUSH);
	unpack->in = stream->next_in;
	unpack->in_len = stream->avail_in;
	unpack->out = stream->next_out;
	unpack->out_len = stream->avail_out;
	unpack->at_end = status == Z_STREAM_END;
	return status == Z_OK || status == Z_STREAM_END ||
	       status == Z_BUF_ERROR ? 0 : -1;
}

static void gzip_end(struct log_unpack *unpack)
{
	inflateEnd(unpack->state);
	free(unpack->state);
}
#endif

#ifdef HAVE_LZMA
static int xz_begin(struct log_unpack *unpack)
{
	lzma_stream *stream = gp_alloc(sizeof(*stream));

	unpack->state = stream;
	return lzma_stream_decoder(stream, UINT64_MAX, LZMA_CONCATENATED) ==
	       LZMA_OK ? 0 : -1;
}

static int xz_run(struct log_unpack *unpack, bool last)
{
	lzma_stream *stream = unpack->state;
	lzma_ret status;

	stream->next_in = unpack->in;
	stream->avail_in = unpack->in_len;
	stream->next_out = unpack->out;
	stream->avail_out = unpack->out_len;
	status = lzma_code(stream, last ? LZMA_FINISH : LZMA_RUN);
	unpack->in = stream->next_in;
	unpack->in_len = stream->avail_in;
	unpack->out = stream->next_out;
	unpack->out_len = stream->avail_out;
	unpack->at_end = status == LZMA_STREAM_END;
	return status == LZMA_OK || status == LZMA_STREAM_END ||
	       status == LZMA_BUF_ERROR ? 0 : -1;
}

static void xz_end(struct log_unpack *unpack)
{
	lzma_end(unpack->state);
	free(unpack->state);
}
#endif

#ifdef HAVE_ZSTD
static int zstd_begin(struct log_unpack *unpack)
{
	unpack->state = ZSTD_createDCtx();
	if (unpack->state == NULL)
		gp_out_of_memory(0);
	return 0;
}

static int zstd_run(struct log_unpack *unpack, bool last)
{
	ZSTD_inBuffer in = { unpack->in, unpack->in_len, 0 };
	ZSTD_outBuffer out = { unpack->out, unpack->out_len, 0 };
	size_t left;

	(void)last;
	/* Called without input it would wait for another frame. */
	if (unpack->in_len == 0 && unpack->at_end)
		return 0;
	left = ZSTD_decompressStream(unpack->state, &out, &in);
	unpack->in += in.pos;
	unpack->in_len -= in.pos;
	unpack->out += out.pos;
	unpack->out_len -= out.pos;
	unpack->at_end = left == 0;
	return ZSTD_isError(left) ? -1 : 0;
}

static void zstd_end(struct log_unpack *unpack)
{
	ZSTD_freeDCtx(unpack->state);
}
#endif

static const unsigned char gzip_magic[] = { 0x1f, 0x8b };
static const unsigned char xz_magic[] = { 0xfd, '7', 'z', 'X', 'Z', 0 };
static const unsigned char zstd_magic[] = { 0x28, 0xb5, 0x2f, 0xfd };
static const unsigned char bzip2_magic[] = { 'B', 'Z', 'h' };
static const unsigned char lz4_magic[] = { 0x04, 0x22, 0x4d, 0x18 };
static const unsigned char zip_magic[] = { 'P', 'K', 3, 4 };

static const struct log_format formats[] = {
	{ .name = "gzip", .library = "zlib",
	  .magic = gzip_magic, .magic_len = sizeof(gzip_magic),
#ifdef HAVE_ZLIB
	  .begin = gzip_begin, .run = gzip_run, .end = gzip_end,
#endif
	},
	{ .name = "xz", .library = "liblzma",
	  .magic = xz_magic, .magic_len = sizeof(xz_magic),
#ifdef HAVE_LZMA
	  .begin = xz_begin, .run = xz_run, .end = xz_end,
#endif
	},
	{ .name = "zstd", .library = "libzstd",
	  .magic = zstd_magic, .magic_len = sizeof(zstd_magic),
#ifdef HAVE_ZSTD
	  .begin = zstd_begin, .run = zstd_run, .end = zstd_end,
#endif
	},
	{ .name = "bzip2", .magic = bzip2_magic,
	  .magic_len = sizeof(bzip2_magic) },
	{ .name = "lz4", .magic = lz4_magic, .magic_len = sizeof(lz4_magic) },
	{ .name = "zip", .magic = zip_magic, .magic_len = sizeof(zip_magic) },
};

const struct log_format *log_format_find(const unsigned char *data,
					 size_t len)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (len >= formats[i].magic_len &&
		    memcmp(data, formats[i].magic,
			   formats[i].magic_len) == 0)
			return &formats[i];
	}
	return NULL;
}
