/* Debian's build makes a header of this name, with the folders of C modules. Firmware loads no C modules. */
#define DEB_HOST_MULTIARCH "none"
