"""Uses the match statement. Expected: ends well from 3.10 on, a SyntaxError before."""

match [1, 2]:
    case [first, *rest]:
        print(first, rest)
