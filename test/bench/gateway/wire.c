/* The traffic of `npm run bench -- gateway`: sends prebuilt datagrams from a socket in one network namespace, and takes what
 * becomes of them at a socket in another. The same program serves every candidate, so that it is no part of what is compared.
 *
 *   wire FILE SEND-NAMESPACE FROM FROM-PORT TO TO-PORT TAKE-NAMESPACE AT AT-PORT RATE WINDOW KEEP RUN
 *
 * FILE: records, each 2 octets of length (big endian) and a payload. RATE: datagrams a second; 0: as fast as WINDOW datagrams
 * on their way allow. Those that do not come within LOST_MS count as lost. KEEP: a file for all that came. RUN: so many datagrams,
 * which have one size, go into the system as one (UDP_SEGMENT), and what it gives as one is taken so (UDP_GRO); 1: each by itself.
 * Prints: sent, came, octets that came, seconds. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { BATCH = 64, RUNS = 64, SIZE = 65536, LOST_MS = 100, STEP_NS = 500000 };

static void fail(const char *what) {
  fprintf(stderr, "wire: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static struct sockaddr_in endpoint(const char *address, const char *port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  if (inet_pton(AF_INET, address, &a.sin_addr) != 1) fail(address);
  return a;
}

static int open_in(const char *space, const char *address, const char *port) {
  char path[256];
  snprintf(path, sizeof path, "/var/run/netns/%s", space);
  int ns = open(path, O_RDONLY);
  if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) fail(path);
  close(ns);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), big = 8 << 20;
  if (fd < 0) fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
  struct sockaddr_in a = endpoint(address, port);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0) fail(address);
  return fd;
}

static unsigned char taken[BATCH][SIZE];
static struct mmsghdr in[BATCH], out[BATCH];
static struct iovec in_parts[BATCH], out_parts[BATCH * RUNS];
static union {
  struct cmsghdr header;
  char room[CMSG_SPACE(sizeof(int))];
} in_control[BATCH], out_control[BATCH];
static long came, octets, logged;
static unsigned char *log_of_all;
static long room;

static void keep(const unsigned char *datagram, unsigned length) {
  came++;
  octets += length;
  if (logged + 2 + length > room) return;
  log_of_all[logged++] = length >> 8;
  log_of_all[logged++] = length & 255;
  memcpy(log_of_all + logged, datagram, length);
  logged += length;
}

/* Takes what is there, at most for `wait` ms. */
static int take(int fd, int wait) {
  int total = 0;
  for (;;) {
    for (int i = 0; i < BATCH; i++) in[i].msg_hdr.msg_controllen = sizeof in_control[i];
    int n = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
    if (n > 0) {
      for (int i = 0; i < n; i++) {
        unsigned length = in[i].msg_len, each = length;
        struct cmsghdr *c = CMSG_FIRSTHDR(&in[i].msg_hdr);
        if (c != NULL && c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) each = *(int *)CMSG_DATA(c);
        for (unsigned from = 0; from < length; from += each) keep(taken[i] + from, length - from < each ? length - from : each);
      }
      total += n;
      continue;
    }
    if (total > 0 || wait == 0) return total;
    struct pollfd p = {fd, POLLIN, 0};
    if (poll(&p, 1, wait) <= 0) return 0;
  }
}

int main(int argc, char **argv) {
  if (argc != 14) return fputs("wire: wrong arguments\n", stderr), 2;
  int file = open(argv[1], O_RDONLY);
  struct stat s;
  if (file < 0 || fstat(file, &s) < 0) fail(argv[1]);
  unsigned char *records = malloc(s.st_size);
  for (long at = 0, n; at < s.st_size; at += n)
    if ((n = read(file, records + at, s.st_size - at)) <= 0) fail(argv[1]);
  room = 2 * s.st_size + (1 << 20);
  if ((log_of_all = malloc(room)) == NULL) fail("malloc");
  memset(log_of_all, 0, room);
  int from = open_in(argv[2], argv[3], argv[4]);
  struct sockaddr_in to = endpoint(argv[5], argv[6]);
  int at = open_in(argv[7], argv[8], argv[9]);
  if (connect(from, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
  double rate = atof(argv[10]);
  int run = atoi(argv[13]), on = 1;
  if (run < 1 || run > RUNS) fail("RUN");
  if (run > 1 && setsockopt(at, IPPROTO_UDP, UDP_GRO, &on, sizeof on) < 0) fail("UDP_GRO");
  long window = rate > 0 ? 1L << 40 : atol(argv[11]);
  for (int i = 0; i < BATCH; i++) {
    in_parts[i] = (struct iovec){taken[i], SIZE};
    in[i].msg_hdr.msg_iov = &in_parts[i];
    in[i].msg_hdr.msg_iovlen = 1;
    in[i].msg_hdr.msg_control = &in_control[i];
    out[i].msg_hdr.msg_iov = &out_parts[i * RUNS];
  }
  long place = 0, sent = 0, lost = 0;
  double start = now(), last = start;
  while (place < s.st_size) {
    long may = window - (sent - came - lost);
    if (rate > 0) {
      may = (now() - start) * rate - sent;
      if (may <= 0) {
        struct timespec step = {0, STEP_NS};
        nanosleep(&step, NULL);
        take(at, 0);
        continue;
      }
    } else if (may <= 0) {
      if (take(at, 5) > 0) last = now();
      else if (now() - last > LOST_MS / 1e3) lost = sent - came;
      continue;
    }
    int n = 0, last_of[BATCH];
    long next = place, taken_up = 0;
    for (; n < BATCH && taken_up < may && next < s.st_size; n++) {
      int length = records[next] << 8 | records[next + 1], count = 0;
      for (; count < run && taken_up < may && next < s.st_size; count++, taken_up++) {
        if ((records[next] << 8 | records[next + 1]) != length) break;
        out_parts[n * RUNS + count] = (struct iovec){records + next + 2, length};
        next += 2 + length;
      }
      out[n].msg_hdr.msg_iovlen = last_of[n] = count;
      out[n].msg_hdr.msg_control = count > 1 ? &out_control[n] : NULL;
      out[n].msg_hdr.msg_controllen = count > 1 ? CMSG_SPACE(sizeof(short)) : 0;
      struct cmsghdr *c = &out_control[n].header;
      *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(short)), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT};
      *(short *)CMSG_DATA(c) = length;
    }
    int went = sendmmsg(from, out, n, 0);
    if (went < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED) fail("sendmmsg");
    for (int i = 0; i < went; i++) {
      sent += last_of[i];
      for (int j = 0; j < last_of[i]; j++) place += 2 + (records[place] << 8 | records[place + 1]);
    }
    if (take(at, 0) > 0) last = now();
  }
  while (came < sent && take(at, LOST_MS) > 0) last = now();
  FILE *keep = fopen(argv[12], "wb");
  if (keep == NULL) fail(argv[12]);
  fwrite(log_of_all, 1, logged, keep);
  fclose(keep);
  printf("%ld %ld %ld %.6f\n", sent, came, octets, last - start);
  return 0;
}
