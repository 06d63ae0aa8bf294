"""Card numbers, sealed. The only room that stores or opens one."""

from nostro.vault.cards import CardRefusal, card_facts, check_card
from nostro.vault.key_file import open_key_file, read_key_file, write_key_file
from nostro.vault.keyring import Keyring
from nostro.vault.model import CardFacts, SealedCard, WrappedDataKey
from nostro.vault.presealed import PresealedCards
from nostro.vault.sealing import DataKeyUnknown, SealBroken, Vault

__all__ = [
    "CardFacts",
    "CardRefusal",
    "DataKeyUnknown",
    "Keyring",
    "PresealedCards",
    "SealBroken",
    "SealedCard",
    "Vault",
    "WrappedDataKey",
    "card_facts",
    "check_card",
    "open_key_file",
    "read_key_file",
    "write_key_file",
]
