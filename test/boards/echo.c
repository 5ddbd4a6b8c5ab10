// The smallest image, for tests of the runner of boards: it prints its command line and the first octets of the
// provisioning area, sends back every frame, and takes single letters from the console. No libraries.

#define REGISTER(address) (*(volatile unsigned *)(address))
#define CONSOLE 0x40004000u
#define RADIO 0x40005000u
#define DATA(uart) REGISTER((uart) + 0x00)
#define STATE(uart) REGISTER((uart) + 0x04)
#define CONTROL(uart) REGISTER((uart) + 0x08)
#define DIVIDER(uart) REGISTER((uart) + 0x10)
#define IS_FULL 1u
#define HAS_OCTET 2u
#define PROVISION ((const unsigned char *)0x003ff000)
#define STACK 0x20010000u
#define SYS_GET_CMDLINE 0x15
#define SYS_EXIT_EXTENDED 0x20

void reset(void);

__attribute__((section(".vectors"), used)) const void *vectors[2] = {(void *)STACK, (void *)reset};

static int semihosting(int operation, void *argument) {
  register int r0 __asm__("r0") = operation;
  register void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static void put(unsigned uart, unsigned octet) {
  while (STATE(uart) & IS_FULL) {
  }
  DATA(uart) = octet;
}

static void print(const char *text) {
  for (; *text != 0; text++) put(CONSOLE, (unsigned char)*text);
}

static void print_octet(unsigned octet) {
  put(CONSOLE, "0123456789abcdef"[octet >> 4]);
  put(CONSOLE, "0123456789abcdef"[octet & 15]);
}

static void finish(int code) {
  int block[2] = {0x20026, code};
  semihosting(SYS_EXIT_EXTENDED, block);
}

static void obey(unsigned letter) {
  if (letter == 'x') finish(7);
  if (letter == 'h') {
    print("half a line, then the end");
    finish(0);
  }
  if (letter == 'p') print("pong\n");
}

void reset(void) {
  char line[256];
  int block[2] = {(int)line, sizeof line};
  CONTROL(CONSOLE) = CONTROL(RADIO) = 3;
  DIVIDER(CONSOLE) = DIVIDER(RADIO) = 16;
  // QEMU looks for input when an octet is taken, or a timer fires, and there is no timer here.
  (void)DATA(CONSOLE);
  (void)DATA(RADIO);
  line[0] = 0;
  semihosting(SYS_GET_CMDLINE, block);
  print("line ");
  print(line);
  print("\nblob ");
  for (int i = 0; i < 4; i++) print_octet(PROVISION[i]);
  print("\nready\n");
  for (;;) {
    if (STATE(RADIO) & HAS_OCTET) put(RADIO, DATA(RADIO));
    if (STATE(CONSOLE) & HAS_OCTET) obey(DATA(CONSOLE));
  }
}
