"""serve PORT: echo every datagram. ask ADDRESS PORT: send datagrams of many sizes and check the answers."""
import socket
import sys

if sys.argv[1] == "serve":
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(("::", int(sys.argv[2])))
    print("ready", flush=True)
    while True:
        s.sendto(*s.recvfrom(65535))
address, port = sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.connect((address, port))
for size in (*range(0, 40), *range(40, 1340, 50)):
    data = bytes(n & 255 for n in range(size))
    s.send(data)
    assert s.recv(65535) == data, size
