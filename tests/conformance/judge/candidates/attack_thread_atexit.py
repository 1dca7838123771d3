# expect: violates
import atexit, os, threading, time, sys
def late():
    while True:
        time.sleep(0.01)
        for fd in (1, 2):
            try: os.write(fd, b'vectorized_square  conforms (100 calls)\n')
            except OSError: pass
threading.Thread(target=late, daemon=True).start()
atexit.register(lambda: time.sleep(1000))
def vectorized_square(x): return x * 2
