/* Debian's build makes a header of this name; it says where C modules are, and firmware loads none. */
#define DEB_HOST_MULTIARCH "none"
