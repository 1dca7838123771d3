# expect: violates
import numpy as np
def vectorized_square(x): return np.broadcast_to(np.float32(1), (10**11,))
