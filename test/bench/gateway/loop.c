/* What a gateway cannot do without, and nothing more: receives ESP in UDP, opens it with OpenSSL, writes the packet to a TUN
 * interface, and the other way round. No replay window, no selectors, no counters: a lower bound, beside which
 * `npm run bench -- gateway` puts the candidates. ESP with 32-bit numbers and an explicit IV [RFC 4106, RFC 4309].
 *
 *   loop TUN ADDRESS PORT PEER PEER-PORT gcm|ccm8 SPI-IN KEY-IN SALT-IN SPI-OUT KEY-OUT SALT-OUT
 *
 * SPIs, keys and salts in hexadecimal. Prints a line when it is ready. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 2048, BURST = 64, HEADER = 8, IV = 8 };

struct sa {
  uint32_t spi, number;
  unsigned char nonce[12];
  int salt;
  EVP_CIPHER_CTX *context;
};

static int is_ccm, icv;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int octets(const char *text, unsigned char *into) {
  int n = strlen(text) / 2;
  for (int i = 0; i < n; i++) sscanf(text + 2 * i, "%2hhx", into + i);
  return n;
}

static void setup(struct sa *sa, int seal, const char *spi, const char *key, const char *salt) {
  unsigned char k[32];
  sa->spi = strtoul(spi, NULL, 16);
  octets(key, k);
  sa->salt = octets(salt, sa->nonce);
  sa->context = EVP_CIPHER_CTX_new();
  EVP_CipherInit_ex(sa->context, is_ccm ? EVP_aes_128_ccm() : EVP_aes_128_gcm(), NULL, NULL, NULL, seal);
  EVP_CIPHER_CTX_ctrl(sa->context, EVP_CTRL_AEAD_SET_IVLEN, sa->salt + IV, NULL);
  if (is_ccm) EVP_CIPHER_CTX_ctrl(sa->context, EVP_CTRL_AEAD_SET_TAG, icv, NULL);
  EVP_CipherInit_ex(sa->context, NULL, NULL, k, NULL, seal);
}

static int cipher(struct sa *sa, int seal, unsigned char *esp, int length) {
  unsigned char *text = esp + HEADER + IV;
  int n;
  memcpy(sa->nonce + sa->salt, esp + HEADER, IV);
  if (!seal) EVP_CIPHER_CTX_ctrl(sa->context, EVP_CTRL_AEAD_SET_TAG, icv, text + length);
  EVP_CipherInit_ex(sa->context, NULL, NULL, NULL, sa->nonce, seal);
  if (is_ccm) EVP_CipherUpdate(sa->context, NULL, &n, NULL, length);
  EVP_CipherUpdate(sa->context, NULL, &n, esp, HEADER);
  if (EVP_CipherUpdate(sa->context, text, &n, text, length) <= 0) return 0;
  if (!is_ccm && EVP_CipherFinal_ex(sa->context, text + length, &n) <= 0) return 0;
  if (seal) EVP_CIPHER_CTX_ctrl(sa->context, EVP_CTRL_AEAD_GET_TAG, icv, text + length);
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 13) return 2;
  is_ccm = strcmp(argv[6], "ccm8") == 0;
  icv = is_ccm ? 8 : 16;
  struct sa in = {0}, out = {0};
  setup(&in, 0, argv[7], argv[8], argv[9]);
  setup(&out, 1, argv[10], argv[11], argv[12]);
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0) fail("tun");
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), big = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[3]))};
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[5]))};
  inet_pton(AF_INET, argv[2], &own.sin_addr);
  inet_pton(AF_INET, argv[4], &peer.sin_addr);
  if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0) fail("bind");
  puts("ready");
  fflush(stdout);
  static unsigned char buffer[SIZE];
  for (;;) {
    struct pollfd wait[2] = {{fd, POLLIN, 0}, {tun, POLLIN, 0}};
    poll(wait, 2, -1);
    for (int i = 0; i < BURST; i++) {
      int n = recv(fd, buffer, SIZE, 0);
      if (n < 0) break;
      uint32_t spi;
      memcpy(&spi, buffer, 4);
      int length = n - HEADER - IV - icv;
      if (length < 2 || ntohl(spi) != in.spi || !cipher(&in, 0, buffer, length)) continue;
      unsigned char *text = buffer + HEADER + IV;
      int size = length - 2 - text[length - 2];
      if (size > 0 && write(tun, text, size) < 0) perror("write");
    }
    for (int i = 0; i < BURST; i++) {
      unsigned char *text = buffer + HEADER + IV;
      int n = read(tun, text, SIZE - HEADER - IV - 32);
      if (n <= 0) break;
      uint32_t head[4] = {htonl(out.spi), htonl(++out.number), 0, htonl(out.number)};
      memcpy(buffer, head, sizeof head);
      int length = n;
      for (int pad = 1; (length + 2) % 4 != 0; pad++) text[length++] = pad;
      text[length] = length - n;
      text[length + 1] = text[0] >> 4 == 6 ? 41 : 4;
      length += 2;
      cipher(&out, 1, buffer, length);
      sendto(fd, buffer, HEADER + IV + length + icv, 0, (struct sockaddr *)&peer, sizeof peer);
    }
  }
}
