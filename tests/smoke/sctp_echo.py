#!/usr/bin/python3
"""One SCTP association: `serve PORT` echoes, `ask ADDRESS PORT` checks the answers. Prints a message and
exits with status 0 if this kernel has no SCTP."""
import socket
import sys

try:
    PROBE = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
except OSError:
    print("this kernel has no SCTP", flush=True)
    sys.exit(0)


def serve(port):
    PROBE.bind(("::", port))
    PROBE.listen(8)
    print("ready", flush=True)
    while True:
        conn, _ = PROBE.accept()
        with conn:
            while data := conn.recv(65536):
                conn.sendall(data)


def ask(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_SCTP) as conn:
        conn.settimeout(20)
        conn.connect((address, port))
        for iteration in range(100):
            message = f"{iteration} ".encode() * 200
            conn.sendall(message)
            got = b""
            while len(got) < len(message):
                got += conn.recv(65536)
            if got != message:
                sys.exit("other data came back")
    print(f"SCTP to {address}")


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    ask(sys.argv[2], int(sys.argv[3]))
