# Relays stdin and stdout to HOST PORT. The first line it prints is "connected" or the error. Runs on Python 3.5 and later.
import os
import socket
import sys
import threading

try:
    connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), 30)
except OSError as error:
    print(str(error).splitlines()[0])
    sys.exit()
connection.settimeout(None)
print("connected", flush=True)


def send():
    while True:
        data = os.read(0, 65536)
        if not data:
            break
        connection.sendall(data)
    os._exit(0)  # the session is closed


threading.Thread(target=send, daemon=True).start()
while True:
    data = connection.recv(65536)
    if not data:
        os._exit(0)
    while data:
        data = data[os.write(1, data):]
