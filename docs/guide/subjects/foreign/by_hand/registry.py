"""The checks by attribute, and what they have in common."""
import threading

CHECKS = {}


def check(*ids):
    def known(function):
        CHECKS.update({id: function for id in ids})
        return function
    return known


def told(answer):
    return f"{answer[0]}" if answer[0] else f"none ({answer[1]['error'][:60]})"


def counted(values):
    return {value: values.count(value) for value in sorted(set(values), key=str)}


def at_once(many, times):
    """The results of this many calls at once."""
    results = []
    threads = [threading.Thread(target=lambda: results.append(many())) for _ in range(times)]
    [one.start() for one in threads]
    [one.join() for one in threads]
    return results
