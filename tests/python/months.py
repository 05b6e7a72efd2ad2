"""Prices random months again, by rules of its own, and names the first that comes to something else.

Usage: months.py FILE

FILE has worlds, one a line, as JSON: rate cards, since when spaces have accounts, and what happened in which order (events that were
taken or refused, events that were voided, invoices that were issued, with what the service made of them). Everything is
computed from the rules in docs/rules.md with Python's decimals; nothing of the service is used. Exit code 1 at a difference.
"""

import json
import sys
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Context, Decimal, setcontext

# No sum or product of these months has as many digits.
setcontext(Context(prec=80))
ZERO = Decimal(0)


def month_of(time):
    return time[:7]


def month_after(month):
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


def text(number):
    """A decimal as the API has it: no zeros at its end, no exponent."""
    number = number.normalize()
    return "0" if number == 0 else f"{number:f}"


class Entry:
    """What was taken, or given back by a voiding."""

    def __init__(self, event, tariff, month, billed, billable, quantity):
        self.space, self.app, self.held_from = event["space"], event["app"], event["held_from"]
        self.what = (event["app"], month, tariff)
        self.billed, self.billable, self.quantity = billed, billable, quantity


class World:
    def __init__(self, cards, accounts):
        self.cards = sorted(cards, key=lambda card: card["effective_month"])
        self.accounts = accounts
        self.last = {}  # the last month that is issued, by space
        self.events, self.entries = {}, []
        self.lines = []  # (space, what, quantity, free) of invoices

    def card(self, month):
        return [card for card in self.cards if card["effective_month"] <= month][-1]

    def tariff(self, event, month):
        """R-B6: an exemption goes before the rate of a value, and that before the meter's own."""
        meter, dimensions = event["meter"], event["dimensions"]
        rates = self.card(month)["rates"][meter]
        exempt = sorted((it["dimension"], it["value"]) for it in rates.get("exemptions", []))
        for name, value in exempt:
            if dimensions.get(name) == value:
                return f"{meter} !{name}={value}"
        for name, values in rates.get("by_value", {}).items():
            if dimensions.get(name) in values:
                return f"{meter} {name}={dimensions[name]}"
        return meter

    def rate(self, month, tariff):
        meter, _, by = tariff.partition(" ")
        rates = self.card(month)["rates"][meter]
        if by:
            name, _, value = by.partition("=")
            rates = rates["by_value"][name][value]
        return Decimal(rates["allowance"]), Decimal(rates["unit_price"])

    def is_issued(self, space, month):
        return month <= self.last.get(space, "")

    def place(self, event):
        """R-B5, R-B1: the month of the usage, and whether it can be billed."""
        counts_from = max(event["time"], event["held_from"])
        since = self.accounts.get(event["space"])
        return month_of(counts_from), since is not None and since <= counts_from

    def take(self, event):
        """R-B8: late usage is billed by the next invoice, or not at all."""
        month, billable = self.place(event)
        billed = month
        if billable and self.is_issued(event["space"], billed):
            billed = month_after(billed)
            if self.is_issued(event["space"], billed):
                return False
        quantity = Decimal(event["quantity"])
        self.entries.append(Entry(event, self.tariff(event, month), month, billed, billable, quantity))
        self.events[event["id"]] = event
        return True

    def void(self, identifier):
        """R-B15: taken from the first invoice that is not issued."""
        event = self.events.pop(identifier)
        month, billable = self.place(event)
        billed = month
        while billable and self.is_issued(event["space"], billed):
            billed = month_after(billed)
        quantity = -Decimal(event["quantity"])
        self.entries.append(Entry(event, self.tariff(event, month), month, billed, billable, quantity))

    def issue(self, space, month):
        """The lines of an invoice, and its total (R-B7)."""
        mine = lambda it: it.space == space and it.billed == month and it.billable
        lines = []
        for what in {it.what for it in self.entries if mine(it)}:
            quantity = sum((it.quantity for it in self.entries if it.what == what and mine(it)), ZERO)
            if quantity == 0:
                continue
            _, used, tariff = what
            if " !" in tariff:
                free, price = quantity, ZERO
            elif quantity < 0:
                free, price = self.given_back(space, what, quantity), self.rate(used, tariff)[1]
            else:
                free, price = self.free(what, quantity, mine), self.rate(used, tariff)[1]
            lines.append((what, quantity, free, price, self.card(used)["version"]))
        self.last[space] = month
        self.lines += [(space, what, quantity, free) for what, quantity, free, _, _ in lines]
        exact = sum(((quantity - free) * price for _, quantity, free, price, _ in lines), ZERO)
        return lines, exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)

    def given_back(self, space, what, quantity):
        """R-B15: what was billed goes back first, and then what was free."""
        before = sum((q for s, w, q, _ in self.lines if (s, w) == (space, what)), ZERO)
        free = sum((f for s, w, _, f in self.lines if (s, w) == (space, what)), ZERO)
        stays = before + quantity  # of what was said before, if anything
        return max(quantity, min(ZERO, min(stays, free) - free))

    def free(self, what, quantity, mine):
        """R-B6: an allowance is the app's, and whoever held it first uses it up first; issued invoices keep what they had."""
        left = self.rate(what[1], what[2])[0]
        left = max(ZERO, left - sum((f for _, w, _, f in self.lines if w == what), ZERO))
        sums = defaultdict(lambda: ZERO)
        for it in self.entries:
            covered = it.billable and self.is_issued(it.space, it.billed)
            if it.what == what and not covered:
                sums[it.held_from, it.billable, it.space, it.billed, mine(it)] += it.quantity
        free = ZERO
        for key in sorted(sums):
            taken = max(ZERO, min(left, sums[key]))
            left -= taken
            free += taken if key[-1] else ZERO
        return min(free, quantity)


def told(lines):
    return sorted(
        (app, month, tariff, text(quantity), text(free), text(price), card, text((quantity - free) * price))
        for (app, month, tariff), quantity, free, price, card in lines
    )


def difference(world):
    """The first step of a world that comes to something else, or nothing; and how many invoices agree."""
    again, invoices = World(world["cards"], world["accounts"]), 0
    for number, step in enumerate(world["steps"], 1):
        if "take" in step:
            event = step["take"]
            if again.take(event) != event["accepted"]:
                return f"step {number}: whether {event['id']} is taken", invoices
        elif "void" in step:
            again.void(step["void"])
        else:
            issue = step["issue"]
            lines, total = again.issue(issue["space"], issue["month"])
            fields = ("app", "usage_month", "tariff", "quantity", "free", "unit_price", "card", "amount")
            said = sorted(tuple(line[field] for field in fields) for line in issue["lines"])
            computed = told(lines)
            if said != computed:
                pairs = [(one, other) for one, other in zip(said, computed) if one != other]
                return f"step {number}, {issue['month']}: {pairs[:1] or [said, computed]}", invoices
            if Decimal(issue["total"]) != total:
                return f"step {number}, {issue['month']}: a total of {issue['total']}, not {total}", invoices
            invoices += 1
    return None, invoices


def main():
    invoices = worlds = lines = 0
    with open(sys.argv[1], encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            world = json.loads(line)
            found, agree = difference(world)
            if found:
                sys.exit(f"world {number} (a line of {sys.argv[1]}): {found}")
            worlds, invoices = number, invoices + agree
            lines += sum(len(step["issue"]["lines"]) for step in world["steps"] if "issue" in step)
    if not lines:
        sys.exit("there is nothing to compare")
    print(f"{invoices} invoices with {lines} lines, of {worlds} worlds: the same to the last digit")


if __name__ == "__main__":
    main()
