/* The probe of a health check: asks a service of its own container, or looks for a file, and says how that went.
 *
 *     tierce-probe http FAMILIES PORT PATH MILLISECONDS     a status of 200 to 399
 *     tierce-probe tcp FAMILIES PORT MILLISECONDS           a connection
 *     tierce-probe file PATH                                that it is there
 *
 * FAMILIES is 4 (127.0.0.1), 6 (::1), or 46 for the first of both that somebody listens at. Exit code 0 is well, 1 is not.
 *
 * It stands in images without a C library, so it is nothing but system calls: no allocation, no name is resolved, one buffer of
 * fixed size. All that is read from the service is the first line of its answer. */

typedef unsigned char byte;
typedef unsigned short port_number;

#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, CLOSE = 3, SOCKET = 41, CONNECT = 42, SETSOCKOPT = 54, CLOCK = 228, EXIT = 231, FACCESSAT = 269 };

static long call(long number, long a, long b, long c, long d, long e) {
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
	                 : "rcx", "r11", "memory");
	return result;
}

__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall probe\n\tud2\n");
#elif defined(__aarch64__)
enum { READ = 63, WRITE = 64, CLOSE = 57, SOCKET = 198, CONNECT = 203, SETSOCKOPT = 208, CLOCK = 113, EXIT = 94, FACCESSAT = 48 };

static long call(long number, long a, long b, long c, long d, long e) {
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}

__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tbl probe\n\tbrk #0\n");
#else
#error "the probe knows the system calls of x86_64 and aarch64"
#endif

/* From the kernel's interface: <linux/in.h>, <linux/in6.h>, <asm-generic/socket.h>, <asm-generic/errno.h>, <linux/fcntl.h>. */
enum { INET = 2, INET6 = 10, STREAM = 1, CLOEXEC = 02000000, OPTIONS = 1, RECEIVE_TIME = 20, SEND_TIME = 21 };
enum { INTERRUPTED = -4, AGAIN = -11, NO_FAMILY = -97, NO_ADDRESS = -99, REFUSED = -111, IN_PROGRESS = -115 };
enum { CURRENT_FOLDER = -100, MONOTONIC = 1 };

struct address4 {
	port_number family, port;
	byte address[4], zero[8];
};

struct address6 {
	port_number family, port;
	unsigned flow;
	byte address[16];
	unsigned scope;
};

/* The fraction is in microseconds for a socket's limit, and in nanoseconds for a clock. */
struct time {
	long seconds, fraction;
};

static char buffer[8192];
static unsigned long length;
/* When the check ends, in milliseconds of the monotonic clock. */
static long deadline;

static unsigned long length_of(const char *text) {
	unsigned long count = 0;
	while (text[count])
		count++;
	return count;
}

/* Adds text to the buffer, as far as there is room. */
static void add(const char *text) {
	while (*text && length < sizeof buffer)
		buffer[length++] = *text++;
}

static void print(const char *text) {
	call(WRITE, 1, (long)text, (long)length_of(text), 0, 0);
}

static __attribute__((noreturn)) void end(int code) {
	for (;;)
		call(EXIT, code, 0, 0, 0, 0);
}

/* Says what is not well. */
static __attribute__((noreturn)) void fail(const char *what, const char *subject, const char *why) {
	print(what);
	print(subject);
	print(why);
	print("\n");
	end(1);
}

/* A number of decimal digits; -1 for anything else. */
static long number(const char *text, long most) {
	long value = 0;
	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || value > most)
			return -1;
		value = value * 10 + (*text - '0');
	}
	return value > most ? -1 : value;
}

/* The monotonic clock in milliseconds. */
static long now(void) {
	struct time time = {0, 0};
	call(CLOCK, MONOTONIC, (long)&time, 0, 0, 0);
	return time.seconds * 1000 + time.fraction / 1000000;
}

/* Gives the next operation of a socket the time that is left of the whole check, or says that none is left. */
static int limit_time(long handle) {
	long left = deadline - now();
	struct time limit = {left / 1000, left % 1000 * 1000};
	if (left <= 0)
		return 0;
	call(SETSOCKOPT, handle, OPTIONS, RECEIVE_TIME, (long)&limit, sizeof limit);
	call(SETSOCKOPT, handle, OPTIONS, SEND_TIME, (long)&limit, sizeof limit);
	return 1;
}

/* A socket that is connected to the loopback address of this family, or the system's error. */
static long connect_to(char family, port_number port) {
	port_number network_order = (port_number)(port << 8 | port >> 8);
	long is_4 = family == '4', error;
	long handle = call(SOCKET, is_4 ? INET : INET6, STREAM | CLOEXEC, 0, 0, 0);
	if (handle < 0)
		return handle;
	if (!limit_time(handle))
		error = AGAIN;
	else if (is_4) {
		struct address4 to = {INET, network_order, {127, 0, 0, 1}, {0}};
		error = call(CONNECT, handle, (long)&to, sizeof to, 0, 0);
	} else {
		struct address6 to = {INET6, network_order, 0, {[15] = 1}, 0};
		error = call(CONNECT, handle, (long)&to, sizeof to, 0, 0);
	}
	if (error == 0)
		return handle;
	call(CLOSE, handle, 0, 0, 0, 0);
	return error;
}

/* The first connection that one of the families gives. */
static long connect_any(const char *families, const char *port, const char *milliseconds) {
	long to = number(port, 65535), limit = number(milliseconds, 3600000), error = REFUSED;
	if (to < 1 || limit < 1 || !*families)
		fail("port ", port, " is none, or no time was given");
	deadline = now() + limit;
	for (; *families; families++) {
		long handle = connect_to(*families, (port_number)to);
		if (handle >= 0)
			return handle;
		/* Where a family is not there at all, what the other one said is the reason. */
		if (handle != NO_FAMILY && handle != NO_ADDRESS)
			error = handle;
	}
	if (error == REFUSED)
		fail("nobody listens on port ", port, "");
	if (error == AGAIN || error == IN_PROGRESS)
		fail("no connection in time to port ", port, "");
	fail("no connection to port ", port, "");
}

/* Whether the first line of the answer is complete. A service may keep the connection open after its answer. */
static int has_line(void) {
	unsigned long at;
	for (at = 0; at < length; at++)
		if (buffer[at] == '\n')
			return 1;
	return 0;
}

/* Sends the request and reads the answer up to the end of its first line. */
static void ask(long handle, const char *port, const char *path) {
	unsigned long sent = 0;
	long count;
	add("GET ");
	add(path);
	add(" HTTP/1.1\r\nHost: localhost:");
	add(port);
	add("\r\nUser-Agent: tierce-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n");
	if (length == sizeof buffer)
		fail("the path ", path, " is too long");
	while (sent < length) {
		count = limit_time(handle) ? call(WRITE, handle, (long)(buffer + sent), (long)(length - sent), 0, 0) : AGAIN;
		if (count == INTERRUPTED)
			continue;
		if (count <= 0)
			fail("the request to port ", port, " was not taken");
		sent += (unsigned long)count;
	}
	for (length = 0; length < sizeof buffer && !has_line();) {
		count = limit_time(handle) ? call(READ, handle, (long)(buffer + length), (long)(sizeof buffer - length), 0, 0) : AGAIN;
		if (count == INTERRUPTED)
			continue;
		/* An answer of which the beginning has come is one. */
		if (count <= 0 && length < 12)
			fail(count == AGAIN ? "no answer in time from port " : "no answer from port ", port, "");
		if (count <= 0)
			return;
		length += (unsigned long)count;
	}
}

/* Whether the buffer begins with `HTTP/1.x` and a status of three digits. */
static int has_status(void) {
	const char *begin = "HTTP/1.";
	int at;
	if (length < 12)
		return 0;
	for (at = 0; at < 7; at++)
		if (buffer[at] != begin[at])
			return 0;
	for (at = 9; at < 12; at++)
		if (buffer[at] < '0' || buffer[at] > '9')
			return 0;
	return buffer[8] == ' ';
}

static void http(char **arguments) {
	const char *port = arguments[1], *path = arguments[2];
	ask(connect_any(arguments[0], port, arguments[3]), port, path);
	if (!has_status())
		fail("no answer in HTTP from port ", port, "");
	buffer[12] = 0;
	if (buffer[9] != '2' && buffer[9] != '3')
		fail(path, ": the status is ", buffer + 9);
}

static int equal(const char *one, const char *other) {
	while (*one && *one == *other)
		one++, other++;
	return *one == *other;
}

/* Where the kernel has put the number of arguments, and the arguments after it. */
__attribute__((noreturn, used)) void probe(long *stack) {
	long count = stack[0];
	char **arguments = (char **)(stack + 1);
	if (count == 6 && equal(arguments[1], "http"))
		http(arguments + 2);
	else if (count == 5 && equal(arguments[1], "tcp"))
		connect_any(arguments[2], arguments[3], arguments[4]);
	else if (count == 3 && equal(arguments[1], "file")) {
		if (call(FACCESSAT, CURRENT_FOLDER, (long)arguments[2], 0, 0, 0) != 0)
			fail(arguments[2], " is not there", "");
	} else
		fail("http FAMILIES PORT PATH MILLISECONDS, tcp FAMILIES PORT MILLISECONDS, or file PATH", "", "");
	end(0);
}
