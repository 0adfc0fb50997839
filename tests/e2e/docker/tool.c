/* The only program of the test image: static, so that the image needs nothing else. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static int copy(int from, int to)
{
    char buffer[65536];
    ssize_t length;
    while ((length = read(from, buffer, sizeof buffer)) > 0)
        if (write(to, buffer, length) != length)
            return 1;
    return length < 0;
}

static void ignore(int signal)
{
    (void)signal;
}

int main(int count, char **words)
{
    const char *verb = count > 1 ? words[1] : "";
    if (!strcmp(verb, "exit"))
        return atoi(words[2]);
    if (!strcmp(verb, "both")) /* a line to each output */
        return dprintf(1, "to stdout\n") < 0 || dprintf(2, "to stderr\n") < 0;
    if (!strcmp(verb, "flood")) { /* N kilobytes to each output, in turns */
        char out[1024], err[1024];
        memset(out, 'o', sizeof out);
        memset(err, 'e', sizeof err);
        for (int i = atoi(words[2]); i > 0; i--)
            if (write(1, out, sizeof out) < 0 || write(2, err, sizeof err) < 0)
                return 1;
        return 0;
    }
    if (!strcmp(verb, "cat")) /* a file, or standard input */
        return copy(count > 2 ? open(words[2], O_RDONLY) : 0, 1);
    if (!strcmp(verb, "write")) /* a word to a file */
        return dprintf(open(words[2], O_WRONLY | O_CREAT | O_TRUNC, 0644), "%s", words[3]) < 0;
    if (!strcmp(verb, "variable"))
        return dprintf(1, "%s", getenv(words[2]) ? getenv(words[2]) : "(unset)") < 0;
    if (!strcmp(verb, "folder"))
        return dprintf(1, "%s %d:%d", getcwd(NULL, 0), getuid(), getgid()) < 0;
    if (!strcmp(verb, "abort")) { /* in a child: pid 1 ignores a signal without a handler */
        signal(SIGABRT, SIG_DFL);
        abort();
    }
    if (!strcmp(verb, "devour")) { /* all memory */
        for (;;)
            memset(malloc(1 << 20), 1, 1 << 20);
    }
    if (!strcmp(verb, "sleep")) {
        dprintf(1, "asleep\n");
        sleep(atoi(words[2]));
        return 0;
    }
    if (!strcmp(verb, "raw")) { /* echoes its terminal's bytes unchanged, until it is killed */
        struct termios raw;
        tcgetattr(0, &raw);
        cfmakeraw(&raw);
        tcsetattr(0, TCSANOW, &raw);
        dprintf(1, "ready\n");
        return copy(0, 1);
    }
    if (!strcmp(verb, "size")) { /* prints its terminal's size, and each new one, until a key */
        struct sigaction action = { .sa_handler = ignore };
        struct pollfd terminal = { .fd = 0, .events = POLLIN };
        struct winsize size;
        sigset_t resized, none;
        sigemptyset(&none);
        sigemptyset(&resized);
        sigaddset(&resized, SIGWINCH);
        sigprocmask(SIG_BLOCK, &resized, NULL); /* except while it waits, so that it misses none */
        sigaction(SIGWINCH, &action, NULL);
        do {
            ioctl(0, TIOCGWINSZ, &size);
            dprintf(1, "%dx%d\n", size.ws_row, size.ws_col);
        } while (ppoll(&terminal, 1, NULL, &none) < 0);
        return 0;
    }
    if (!strcmp(verb, "count")) { /* the bytes of standard input, once it has ended */
        char buffer[65536];
        long total = 0;
        ssize_t length;
        while ((length = read(0, buffer, sizeof buffer)) > 0)
            total += length;
        return dprintf(1, "%ld", total) < 0;
    }
    if (!strcmp(verb, "link")) { /* where a link leads to */
        char target[4096];
        ssize_t length = readlink(words[2], target, sizeof target);
        return length < 0 || write(1, target, length) != length;
    }
    dprintf(2, "unknown verb %s\n", verb);
    return 64;
}
