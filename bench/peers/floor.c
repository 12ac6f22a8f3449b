/*
 * The floor: the least a broker of Kafka's protocol can do on this machine. One thread, epoll, no
 * library: it reads frames, checks each batch's CRC-32C, gives it its offset, appends, and answers;
 * reads are served from the file. No replication, no recovery, no groups, one batch per request.
 *
 *   floor PORT FOLDER
 *
 * APIs: Produce v9, Fetch v12, ListOffsets v1, Metadata v4, ApiVersions v0, CreateTopics v2,
 * DeleteTopics v1. A topic with a configuration flush.messages is synced before it is answered, once
 * for all that one turn of the loop brought. It trusts its client: this is a yardstick, no server.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <nmmintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
  TOPICS_MAX = 256, PARTITIONS_MAX = 1024, CONNECTIONS_MAX = 4096, PIECES_MAX = 256,
  RECEIVE_BYTES = 4 << 20, READ_BYTES = 512 << 10, SEND_BYTES = 1 << 20, COPIED_BYTES_MAX = 32 << 10,
  PRODUCE = 0, FETCH = 1, LIST_OFFSETS = 2, METADATA = 3, API_VERSIONS = 18, CREATE = 19, DELETE = 20,
  UNKNOWN_TOPIC = 3, CORRUPT = 2, UNSUPPORTED_VERSION = 35
};

struct entry { int64_t offset, position; };
struct partition {
  int fd, dirty;
  int64_t end, bytes;
  struct entry *index;
  size_t entries, room;
};
struct topic { char name[128]; int count, sync, used; struct partition *partitions; };
struct connection {
  int fd, index, waiting_out, queued;
  uint8_t *in, *out;
  size_t in_size, out_size, out_sent;
  /* The file's part of an answer that is being sent. */
  int file;
  off_t file_at;
  size_t file_left;
  /* A fetch that found nothing. */
  struct partition *parked;
  int32_t parked_id, parked_partition, parked_max;
  int64_t parked_offset, deadline_ms;
  char parked_topic[128];
};

static struct topic topics[TOPICS_MAX];
static struct connection *connections[CONNECTIONS_MAX];
static int queue[CONNECTIONS_MAX], queued, connections_end, poller;
static const char *folder;
static struct iovec pieces[PIECES_MAX];
static int piece_count;
static struct partition *pieces_of;
static struct partition *dirty[TOPICS_MAX * 4];
static int dirty_count;

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
static void die(const char *what) { perror(what); exit(1); }

/* Big-endian, unaligned. */
static int16_t get16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return (int16_t)be16toh(v); }
static int32_t get32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return (int32_t)be32toh(v); }
static int64_t get64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return (int64_t)be64toh(v); }
static uint8_t *put8(uint8_t *p, int v) { *p = (uint8_t)v; return p + 1; }
static uint8_t *put16(uint8_t *p, int v) { uint16_t b = htobe16((uint16_t)v); memcpy(p, &b, 2); return p + 2; }
static uint8_t *put32(uint8_t *p, int32_t v) { uint32_t b = htobe32((uint32_t)v); memcpy(p, &b, 4); return p + 4; }
static uint8_t *put64(uint8_t *p, int64_t v) { uint64_t b = htobe64((uint64_t)v); memcpy(p, &b, 8); return p + 8; }
static uint8_t *put_string(uint8_t *p, const char *s) {
  size_t n = strlen(s);
  p = put16(p, (int)n);
  memcpy(p, s, n);
  return p + n;
}
static uint32_t get_varint(const uint8_t **p) {
  uint32_t value = 0;
  for (int shift = 0;; shift += 7) {
    uint8_t byte = *(*p)++;
    value |= (uint32_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}
static uint8_t *put_varint(uint8_t *p, uint32_t v) {
  for (; v >= 0x80; v >>= 7) *p++ = (uint8_t)(v | 0x80);
  *p++ = (uint8_t)v;
  return p;
}
static uint8_t *put_compact(uint8_t *p, const char *s) {
  size_t n = strlen(s);
  p = put_varint(p, (uint32_t)n + 1);
  memcpy(p, s, n);
  return p + n;
}
static void take_string(const uint8_t **p, char *into, size_t size) {
  memcpy(into, *p, size);
  into[size] = 0;
  *p += size;
}
static void name_of(const uint8_t **p, char *into) {
  int16_t size = get16(*p);
  *p += 2;
  take_string(p, into, size < 0 ? 0 : (size_t)size);
}

static uint32_t crc32c(const uint8_t *p, size_t size) {
  uint64_t sum = 0xffffffff;
  for (; size >= 8; p += 8, size -= 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    sum = _mm_crc32_u64(sum, word);
  }
  for (; size > 0; p++, size--) sum = _mm_crc32_u8((uint32_t)sum, *p);
  return (uint32_t)sum ^ 0xffffffff;
}

static struct topic *find_topic(const char *name) {
  for (int i = 0; i < TOPICS_MAX; i++)
    if (topics[i].used && strcmp(topics[i].name, name) == 0) return &topics[i];
  return NULL;
}
static struct partition *find_partition(const char *name, int32_t index) {
  struct topic *t = find_topic(name);
  return t == NULL || index < 0 || index >= t->count ? NULL : &t->partitions[index];
}
static void path_of(char *into, const char *name, int partition) {
  snprintf(into, 512, "%s/%s-%d.log", folder, name, partition);
}

/* Room for `size` more bytes of answer. */
static uint8_t *room(struct connection *c, size_t size) {
  if (c->out_size + size > SEND_BYTES) die("answer too large");
  return c->out + c->out_size;
}
static void sent_later(struct connection *c) {
  if (!c->queued) { c->queued = 1; queue[queued++] = c->index; }
}
static void seal(struct connection *c, uint8_t *start, uint8_t *end, size_t file) {
  put32(start, (int32_t)(end - start - 4 + file));
  c->out_size += (size_t)(end - start);
  sent_later(c);
}

static void write_pieces(void) {
  if (piece_count == 0) return;
  size_t size = 0;
  for (int i = 0; i < piece_count; i++) size += pieces[i].iov_len;
  if (pwritev(pieces_of->fd, pieces, piece_count, pieces_of->bytes - (int64_t)size) != (ssize_t)size)
    die("write");
  piece_count = 0;
}
static int append(struct topic *t, struct partition *p, uint8_t *batch, size_t size) {
  if (get32(batch + 17) != (int32_t)crc32c(batch + 21, size - 21)) return CORRUPT;
  if (pieces_of != p || piece_count == PIECES_MAX) { write_pieces(); pieces_of = p; }
  put64(batch, p->end);
  put32(batch + 12, 0);
  if (p->entries == p->room) {
    p->room = p->room == 0 ? 4096 : p->room * 2;
    p->index = realloc(p->index, p->room * sizeof *p->index);
  }
  p->index[p->entries++] = (struct entry){p->end, p->bytes};
  pieces[piece_count++] = (struct iovec){batch, size};
  p->end += get32(batch + 23) + 1;
  p->bytes += (int64_t)size;
  if (!p->dirty) { p->dirty = t->sync ? 2 : 1; dirty[dirty_count++] = p; }
  return 0;
}

static void produce(struct connection *c, int32_t id, const uint8_t *p) {
  char name[256];
  uint32_t size = get_varint(&p);
  if (size > 1) p += size - 1;
  p += 6; /* acks, timeout */
  get_varint(&p);
  size = get_varint(&p);
  take_string(&p, name, size - 1);
  get_varint(&p);
  int32_t index = get32(p);
  p += 4;
  size = get_varint(&p) - 1;
  struct topic *t = find_topic(name);
  struct partition *into = find_partition(name, index);
  int64_t base = into == NULL ? -1 : into->end;
  int error = into == NULL ? UNKNOWN_TOPIC : append(t, into, (uint8_t *)p, size);
  uint8_t *start = room(c, 512), *o = put32(start + 4, id);
  o = put8(put8(o, 0), 2);
  o = put8(put_compact(o, name), 2);
  o = put16(put32(o, index), error);
  o = put64(put64(put64(o, base), -1), 0);
  o = put8(put8(o, 1), 0); /* no record errors, no message */
  o = put8(put8(o, 0), 0);
  o = put8(put32(o, 0), 0);
  seal(c, start, o, 0);
}

static void answer_fetch(struct connection *c, int32_t id, const char *name, int32_t index,
                         struct partition *p, int64_t offset, int32_t max_bytes, int error) {
  int64_t from = 0, size = 0;
  if (p != NULL && offset < p->end) {
    size_t low = 0, high = p->entries;
    while (high - low > 1) {
      size_t mid = (low + high) / 2;
      if (p->index[mid].offset <= offset) low = mid; else high = mid;
    }
    from = p->index[low].position;
    size_t last = low + 1, far = p->entries;
    while (far - last > 0) { /* whole batches within max_bytes, one at least */
      size_t mid = (last + far + 1) / 2;
      int64_t end = mid == p->entries ? p->bytes : p->index[mid].position;
      if (end - from <= max_bytes) last = mid; else far = mid - 1;
    }
    size = (last == p->entries ? p->bytes : p->index[last].position) - from;
  }
  int64_t end = p == NULL ? -1 : p->end;
  int copied = size <= COPIED_BYTES_MAX;
  uint8_t *start = room(c, 512 + (copied ? (size_t)size : 0)), *o = put32(start + 4, id);
  o = put16(put32(put8(o, 0), 0), 0);
  o = put8(put32(o, 0), 2);
  o = put8(put_compact(o, name), 2);
  o = put16(put32(o, index), error);
  o = put64(put64(put64(o, end), end), 0);
  o = put32(put8(o, 0), -1);
  o = put_varint(o, (uint32_t)size + 1);
  if (copied) {
    if (size > 0 && pread(p->fd, o, (size_t)size, from) != size) die("read");
    o = put8(put8(put8(o + size, 0), 0), 0);
    seal(c, start, o, 0);
    return;
  }
  seal(c, start, o, (size_t)size + 3);
  c->file = p->fd;
  c->file_at = from;
  c->file_left = (size_t)size;
}
static void fetch(struct connection *c, int32_t id, const uint8_t *p) {
  char name[256];
  int32_t wait_ms = get32(p + 4);
  p += 4 + 4 + 4 + 4 + 1 + 4 + 4;
  get_varint(&p);
  uint32_t size = get_varint(&p);
  take_string(&p, name, size - 1);
  get_varint(&p);
  int32_t index = get32(p), max_bytes = get32(p + 28);
  int64_t offset = get64(p + 8);
  struct partition *from = find_partition(name, index);
  if (from != NULL && offset >= from->end && wait_ms > 0) {
    c->parked = from;
    c->parked_id = id;
    c->parked_partition = index;
    c->parked_max = max_bytes;
    c->parked_offset = offset;
    c->deadline_ms = now_ms() + wait_ms;
    snprintf(c->parked_topic, sizeof c->parked_topic, "%.127s", name);
    return;
  }
  if (piece_count > 0 && pieces_of == from) write_pieces();
  answer_fetch(c, id, name, index, from, offset, max_bytes, from == NULL ? UNKNOWN_TOPIC : 0);
}
static void release(struct connection *c) {
  struct partition *p = c->parked;
  c->parked = NULL;
  answer_fetch(c, c->parked_id, c->parked_topic, c->parked_partition, p, c->parked_offset,
               c->parked_max, 0);
}

static void api_versions(struct connection *c, int32_t id, int version) {
  static const int served[][3] = {{PRODUCE, 9, 9}, {FETCH, 12, 12}, {LIST_OFFSETS, 1, 1},
    {METADATA, 4, 4}, {API_VERSIONS, 0, 0}, {CREATE, 2, 2}, {DELETE, 1, 1}};
  uint8_t *start = room(c, 256), *o = put32(start + 4, id);
  o = put32(put16(o, version == 0 ? 0 : UNSUPPORTED_VERSION), 7);
  for (int i = 0; i < 7; i++)
    o = put16(put16(put16(o, served[i][0]), served[i][1]), served[i][2]);
  seal(c, start, o, 0);
}
static int port;
static uint8_t *put_topic(uint8_t *o, const char *name) {
  struct topic *t = find_topic(name);
  o = put8(put_string(put16(o, t == NULL ? UNKNOWN_TOPIC : 0), name), 0);
  o = put32(o, t == NULL ? 0 : t->count);
  for (int i = 0; t != NULL && i < t->count; i++)
    o = put32(put32(put32(put32(put32(put32(put16(o, 0), i), 1), 1), 1), 1), 1);
  return o;
}
static void metadata(struct connection *c, int32_t id, const uint8_t *p) {
  char name[256];
  int32_t count = get32(p);
  p += 4;
  uint8_t *start = room(c, 256 << 10), *o = put32(start + 4, id);
  o = put32(put32(put32(o, 0), 1), 1);
  o = put16(put32(put_string(o, "127.0.0.1"), port), -1);
  o = put32(put32(put16(o, -1), 1), count < 0 ? 0 : count);
  for (int i = 0; i < count; i++) { name_of(&p, name); o = put_topic(o, name); }
  seal(c, start, o, 0);
}
static void list_offsets(struct connection *c, int32_t id, const uint8_t *p) {
  char name[256];
  int32_t count = get32(p + 4);
  p += 8;
  uint8_t *start = room(c, 256 << 10), *o = put32(put32(start + 4, id), count);
  for (int i = 0; i < count; i++) {
    name_of(&p, name);
    int32_t partitions = get32(p);
    p += 4;
    o = put32(put_string(o, name), partitions);
    for (int j = 0; j < partitions; j++, p += 12) {
      struct partition *found = find_partition(name, get32(p));
      o = put16(put32(o, get32(p)), found == NULL ? UNKNOWN_TOPIC : 0);
      o = put64(put64(o, -1), found == NULL ? -1 : get64(p + 4) == -2 ? 0 : found->end);
    }
  }
  seal(c, start, o, 0);
}
static void create_topic(const char *name, int count, int sync) {
  char path[512];
  struct topic *t = topics;
  while (t < topics + TOPICS_MAX && t->used) t++;
  if (t == topics + TOPICS_MAX || count > PARTITIONS_MAX) die("too many topics");
  *t = (struct topic){.count = count, .sync = sync, .used = 1};
  snprintf(t->name, sizeof t->name, "%.127s", name);
  t->partitions = calloc((size_t)count, sizeof *t->partitions);
  for (int i = 0; i < count; i++) {
    path_of(path, name, i);
    t->partitions[i].fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (t->partitions[i].fd < 0) die(path);
  }
}
static void create(struct connection *c, int32_t id, const uint8_t *p) {
  char name[256], key[256];
  int32_t count = get32(p);
  p += 4;
  uint8_t *start = room(c, 64 << 10), *o = put32(put32(put32(start + 4, id), 0), count);
  for (int i = 0; i < count; i++) {
    name_of(&p, name);
    int32_t partitions = get32(p), configs = get32(p + 10);
    int sync = 0;
    p += 14; /* partitions, replication factor, no assignments, number of configurations */
    for (int j = 0; j < configs; j++) {
      name_of(&p, key);
      if (strcmp(key, "flush.messages") == 0) sync = 1;
      name_of(&p, key);
    }
    create_topic(name, partitions, sync);
    o = put16(put16(put_string(o, name), 0), -1);
  }
  seal(c, start, o, 0);
}
static void delete(struct connection *c, int32_t id, const uint8_t *p) {
  char name[256], path[512];
  int32_t count = get32(p);
  p += 4;
  uint8_t *start = room(c, 64 << 10), *o = put32(put32(put32(start + 4, id), 0), count);
  for (int i = 0; i < count; i++) {
    name_of(&p, name);
    struct topic *t = find_topic(name);
    for (int j = 0; t != NULL && j < t->count; j++) {
      path_of(path, name, j);
      close(t->partitions[j].fd);
      unlink(path);
      free(t->partitions[j].index);
    }
    if (t != NULL) { free(t->partitions); t->used = 0; }
    o = put16(put_string(o, name), t == NULL ? UNKNOWN_TOPIC : 0);
  }
  seal(c, start, o, 0);
}

static void handle(struct connection *c, const uint8_t *frame) {
  int key = get16(frame + 4), version = get16(frame + 6);
  int32_t id = get32(frame + 8);
  int16_t client = get16(frame + 12);
  const uint8_t *p = frame + 14 + (client < 0 ? 0 : client);
  if (key == PRODUCE) produce(c, id, p + 1);
  else if (key == FETCH) fetch(c, id, p + 1);
  else if (key == API_VERSIONS) api_versions(c, id, version);
  else if (key == METADATA) metadata(c, id, p);
  else if (key == LIST_OFFSETS) list_offsets(c, id, p);
  else if (key == CREATE) create(c, id, p);
  else if (key == DELETE) delete(c, id, p);
  else { fprintf(stderr, "no API %d\n", key); exit(1); }
}

static void drop(struct connection *c) {
  close(c->fd);
  connections[c->index] = NULL;
  free(c->in);
  free(c->out);
  free(c);
}
static void want_out(struct connection *c, int wanted) {
  if (c->waiting_out == wanted) return;
  c->waiting_out = wanted;
  struct epoll_event e = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
}
static void flush(struct connection *c) {
  while (c->out_sent < c->out_size || c->file_left > 0) {
    ssize_t n;
    if (c->out_sent < c->out_size) {
      n = send(c->fd, c->out + c->out_sent, c->out_size - c->out_sent,
               MSG_NOSIGNAL | (c->file_left > 0 ? MSG_MORE : 0));
      if (n > 0) c->out_sent += (size_t)n;
    } else {
      n = sendfile(c->fd, c->file, &c->file_at, c->file_left);
      if (n > 0) c->file_left -= (size_t)n;
      if (n > 0 && c->file_left == 0) { /* the tags behind the records */
        memset(c->out, 0, 3);
        c->out_sent = 0;
        c->out_size = 3;
      }
    }
    if (n <= 0) { want_out(c, 1); return; }
  }
  c->out_sent = c->out_size = 0;
  want_out(c, 0);
}
/* False: the connection is gone. */
static int receive(struct connection *c) {
  size_t room_in = RECEIVE_BYTES - c->in_size;
  ssize_t n = recv(c->fd, c->in + c->in_size, room_in < READ_BYTES ? room_in : READ_BYTES, 0);
  if (n < 0 && errno == EAGAIN) return 1;
  if (n <= 0) { drop(c); return 0; }
  c->in_size += (size_t)n;
  size_t at = 0;
  while (c->in_size - at >= 4 && c->in_size - at >= 4 + (size_t)get32(c->in + at)) {
    handle(c, c->in + at);
    at += 4 + (size_t)get32(c->in + at);
  }
  write_pieces();
  memmove(c->in, c->in + at, c->in_size - at);
  c->in_size -= at;
  return 1;
}
static void accept_one(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
  if (fd < 0) return;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct connection *c = calloc(1, sizeof *c);
  while (connections[c->index] != NULL && c->index < CONNECTIONS_MAX - 1) c->index++;
  c->fd = fd;
  c->in = malloc(RECEIVE_BYTES);
  c->out = malloc(SEND_BYTES);
  connections[c->index] = c;
  if (c->index >= connections_end) connections_end = c->index + 1;
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
}

/* What a turn leaves to do: syncs, parked fetches that have data or are late, answers. */
static int end_turn(void) {
  for (int i = 0; i < dirty_count; i++)
    if (dirty[i]->dirty == 2 && fdatasync(dirty[i]->fd) != 0) die("sync");
  int64_t now = now_ms(), next = -1;
  for (int i = 0; i < connections_end; i++) {
    struct connection *c = connections[i];
    if (c == NULL || c->parked == NULL) continue;
    if (c->parked->end > c->parked_offset || c->deadline_ms <= now) release(c);
    else if (next < 0 || c->deadline_ms < next) next = c->deadline_ms;
  }
  for (int i = 0; i < dirty_count; i++) dirty[i]->dirty = 0;
  dirty_count = 0;
  pieces_of = NULL;
  for (int i = 0; i < queued; i++) {
    struct connection *c = connections[queue[i]];
    if (c != NULL) { c->queued = 0; flush(c); }
  }
  queued = 0;
  return next < 0 ? -1 : (int)(next - now);
}

int main(int count, char **words) {
  if (count != 3) { fprintf(stderr, "usage: floor PORT FOLDER\n"); return 2; }
  port = atoi(words[1]);
  folder = words[2];
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, buffer = 256 << 10;
  struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  if (bind(listener, (struct sockaddr *)&where, sizeof where) != 0 || listen(listener, 512) != 0)
    die("listen");
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
  for (int wait = -1;; wait = end_turn()) {
    int ready = epoll_wait(poller, events, 256, wait);
    for (int i = 0; i < ready; i++) {
      struct connection *c = events[i].data.ptr;
      if (c == NULL) { accept_one(listener); continue; }
      if (events[i].events & EPOLLOUT) sent_later(c);
      if (events[i].events & ~(uint32_t)EPOLLOUT) receive(c);
    }
  }
}
