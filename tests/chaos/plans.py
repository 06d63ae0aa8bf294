"""What each payment of a run will be: decided from a seed before anything is sent."""

from dataclasses import dataclass
from random import Random

# kind and its share of a hundred
MIX = {
    "sale": 38,
    "sale_number": 18,  # a raw card number with its CVC: not replayable
    "two_steps": 6,  # created, then confirmed
    "declined": 6,
    "declined_number": 3,
    "capture": 7,
    "capture_part": 6,
    "cancel": 7,
    "refund": 5,
    "refund_part": 4,
}
RAW = {"4242424242424242": "123", "5555555555554444": "321"}
DECLINING_TOKENS = ("pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds")
DECLINING_NUMBER = "4000000000009995"


@dataclass(frozen=True)
class Step:
    """One POST and its idempotency key. `{intent}` stands for the id that the first step was given."""

    name: str
    path: str
    form: dict[str, str]


@dataclass(frozen=True)
class Plan:
    """One payment. `part` is what is captured or refunded, in minor units."""

    number: int
    kind: str
    amount: int
    part: int
    card: dict[str, str]

    @property
    def is_declined(self) -> bool:
        return self.kind.startswith("declined")

    @property
    def captured(self) -> int:
        """What the client wants to be taken in the end."""
        if self.is_declined or self.kind == "cancel":
            return 0
        return self.part if self.kind == "capture_part" else self.amount

    @property
    def refunded(self) -> int:
        """What the client wants to be given back in the end."""
        return self.part if self.kind.startswith("refund") else 0

    def steps(self) -> list[Step]:
        """The requests in order."""
        one = "/v1/payment_intents/{intent}"
        create = {"amount": str(self.amount), "currency": "usd", "metadata[n]": str(self.number)}
        if self.kind in ("capture", "capture_part", "cancel"):
            create["capture_method"] = "manual"
        if self.kind == "two_steps":
            steps = [
                Step("create", "/v1/payment_intents", create),
                Step("confirm", f"{one}/confirm", self.card),
            ]
        else:
            form = {**create, **self.card, "confirm": "true"}
            steps = [Step("create", "/v1/payment_intents", form)]
        if self.kind == "cancel":
            steps.append(Step("cancel", f"{one}/cancel", {}))
        elif self.kind.startswith("capture"):
            form = {"amount_to_capture": str(self.part)} if self.kind == "capture_part" else {}
            steps.append(Step("capture", f"{one}/capture", form))
        elif self.kind.startswith("refund"):
            form = {"payment_intent": "{intent}", "amount": str(self.part)}
            steps.append(Step("refund", "/v1/refunds", form))
        return steps


def plans(count: int, seed: int) -> list[Plan]:
    """`count` payments of the mix."""
    random = Random(seed)
    kinds = random.choices(list(MIX), list(MIX.values()), k=count)
    return [_plan(number, kind, random) for number, kind in enumerate(kinds)]


def _plan(number: int, kind: str, random: Random) -> Plan:
    amount = random.randint(200, 90_000)
    part = random.randint(100, amount - 1) if kind.endswith("_part") else amount
    return Plan(number, kind, amount, part, _card(kind, random))


def _card(kind: str, random: Random) -> dict[str, str]:
    if not kind.endswith("_number"):
        declining = random.choice(DECLINING_TOKENS)
        return {"payment_method": declining if kind == "declined" else "pm_card_visa"}
    number = DECLINING_NUMBER if kind.startswith("declined") else random.choice(list(RAW))
    card = {"number": number, "exp_month": "12", "exp_year": "2049", "cvc": RAW.get(number, "999")}
    fields = {f"payment_method_data[card][{name}]": value for name, value in card.items()}
    return {"payment_method_data[type]": "card", **fields}
