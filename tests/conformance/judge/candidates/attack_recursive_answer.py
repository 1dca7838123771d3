# expect: violates
def vectorized_square(x):
    l = []
    l.append(l)
    return l
