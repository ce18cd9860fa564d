#!/usr/bin/python3
"""Many TCP connections at once, each with its own data: `serve PORT` echoes, `ask ADDRESS PORT N` opens N
connections, keeps them all open and checks every answer."""
import resource
import socket
import sys
import threading


def serve(port):
    threading.stack_size(128 * 1024)
    server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True,
                                  backlog=1024)
    print("ready", flush=True)
    while True:
        conn, _ = server.accept()
        threading.Thread(target=answer, args=(conn,), daemon=True).start()


def answer(conn):
    with conn:
        while data := conn.recv(65536):
            conn.sendall(data)


def ask(address, port, n):
    conns = [socket.create_connection((address, port), timeout=20) for _ in range(n)]
    for iteration in range(3):
        messages = [f"{iteration} {i} ".encode() * 300 for i in range(n)]
        for conn, message in zip(conns, messages):
            conn.sendall(message)
        for conn, message in zip(conns, messages):
            got = b""
            while len(got) < len(message):
                part = conn.recv(65536)
                if not part:
                    sys.exit("a connection ended early")
                got += part
            if got != message:
                sys.exit("another connection's data came back")
    for conn in conns:
        conn.close()
    print(f"{n} connections to {address}")


HARD_LIMIT = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(HARD_LIMIT, 8192), HARD_LIMIT))
if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
