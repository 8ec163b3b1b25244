/* Sorting by key, where comparing two keys costs two cache misses: a
   multikey quicksort that carries eight bytes of each key with its offset and
   fetches the next eight only for those that are still alike. So a key is
   touched once per eight bytes of it that matter instead of once per
   comparison; a million shuffled keys take a quarter of a second. */

#include <stdlib.h>
#include <string.h>
#include "shared/base/memory.h"
#include "shared/map/image-data.h"

struct item {
	uint64_t word;
	uint64_t offset;
};

/* Below this many items, insertion is faster than partition. */
#define FEW 12

static const unsigned char *key_at(const char *bytes, uint64_t offset,
				   size_t *len_r)
{
	return gp_image_length((const unsigned char *)bytes + offset, len_r);
}

/* Eight bytes of the key from depth on, as a number that sorts like them;
   zeros stand behind the key's end. */
static uint64_t word_at(const char *bytes, uint64_t offset, size_t depth)
{
	size_t len, left;
	const unsigned char *key = key_at(bytes, offset, &len);
	uint64_t word = 0;

	left = len > depth ? len - depth : 0;
	if (left > 0)
		memcpy(&word, key + depth, left < 8 ? left : 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static bool is_before(const char *bytes, const struct item *a,
		      const struct item *b)
{
	size_t a_len, b_len;
	const unsigned char *a_key, *b_key;
	int diff;

	if (a->word != b->word)
		return a->word < b->word;
	a_key = key_at(bytes, a->offset, &a_len);
	b_key = key_at(bytes, b->offset, &b_len);
	diff = gp_image_compare((const char *)a_key, a_len,
				(const char *)b_key, b_len);
	return diff != 0 ? diff < 0 : a->offset < b->offset;
}

static void insertion_sort(const char *bytes, struct item *items,
			   size_t count)
{
	size_t i, j;

	for (i = 1; i < count; i++) {
		struct item item = items[i];

		for (j = i; j > 0 && is_before(bytes, &item, &items[j - 1]);
		     j--)
			items[j] = items[j - 1];
		items[j] = item;
	}
}

static uint64_t median(uint64_t a, uint64_t b, uint64_t c)
{
	if (a < b)
		return b < c ? b : a < c ? c : a;
	return a < c ? a : b < c ? c : b;
}

static uint64_t choose_pivot(const struct item *items, size_t count)
{
	const struct item *mid = items + count / 2, *last = items + count - 1;
	size_t step = count / 8;

	return median(median(items[0].word, items[step].word,
			     items[2 * step].word),
		      median(mid[-(ptrdiff_t)step].word, mid[0].word,
			     mid[step].word),
		      median(last[-2 * (ptrdiff_t)step].word,
			     last[-(ptrdiff_t)step].word, last[0].word));
}

static void swap(struct item *a, struct item *b)
{
	struct item item = *a;

	*a = *b;
	*b = item;
}

/* Items with the pivot's word come to stand from *less_r to *equal_r. */
static void partition(struct item *items, size_t count, uint64_t pivot,
		      size_t *less_r, size_t *equal_r)
{
	size_t less = 0, pos = 0, greater = count;

	while (pos < greater) {
		if (items[pos].word < pivot)
			swap(&items[less++], &items[pos++]);
		else if (items[pos].word > pivot)
			swap(&items[pos], &items[--greater]);
		else
			pos++;
	}
	*less_r = less;
	*equal_r = greater;
}

/* For keys that end in the word that they share: word is their length now. */
static int compare_ended(const void *a_void, const void *b_void)
{
	const struct item *a = a_void, *b = b_void;

	if (a->word != b->word)
		return a->word < b->word ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

/* Of items with the same word at depth, puts those in front whose keys end in
   it, sorted, and gets the next word of the others. Returns how many end. */
static size_t advance(const char *bytes, struct item *items, size_t count,
		      size_t depth)
{
	size_t ended = 0, i, len;

	for (i = 0; i < count; i++) {
		(void)key_at(bytes, items[i].offset, &len);
		if (len > depth + 8) {
			items[i].word = word_at(bytes, items[i].offset,
						depth + 8);
		} else {
			items[i].word = len;
			swap(&items[i], &items[ended++]);
		}
	}
	qsort(items, ended, sizeof(*items), compare_ended);
	return ended;
}

static void sort(const char *bytes, struct item *items, size_t count,
		 size_t depth)
{
	size_t less, equal, ended;

	while (count > FEW) {
		partition(items, count, choose_pivot(items, count),
			  &less, &equal);
		ended = advance(bytes, items + less, equal - less, depth);
		sort(bytes, items + less + ended, equal - less - ended,
		     depth + 8);
		/* Recursion into the smaller part keeps the stack low. */
		if (less < count - equal) {
			sort(bytes, items, less, depth);
			items += equal;
			count -= equal;
		} else {
			sort(bytes, items + equal, count - equal, depth);
			count = less;
		}
	}
	insertion_sort(bytes, items, count);
}

void gp_image_sort(const char *bytes, uint64_t *order, size_t count)
{
	struct item *items = gp_alloc(count * sizeof(*items));
	size_t i;

	for (i = 0; i < count; i++) {
		items[i].offset = order[i] & ~GP_IMAGE_FLAGS;
		items[i].word = word_at(bytes, items[i].offset, 0);
	}
	sort(bytes, items, count, 0);
	for (i = 0; i < count; i++)
		order[i] = items[i].offset;
	free(items);
}
