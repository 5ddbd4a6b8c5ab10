/* Between a Linux program (posix.c) and its radio: posix_pipe.c, or another. */
#ifndef POSIX_H
#define POSIX_H

/* The value of `radio=`, and its file; -1: none yet. */
extern const char *posix_radio_name;
extern int posix_radio;

/* What is wrong with the name, or NULL. */
const char *posix_radio_problem(void);
/* Opens the radio, or leaves it at -1. Called again every 250 ms. */
void posix_radio_open(void);
/* Reads what has arrived. */
void posix_radio_take(void);

#endif
