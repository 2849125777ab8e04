"""Amounts of money: whole units of a currency of ISO 4217."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field, Strict

from domain.messages import Message
from domain.values import MAX_INTEGER, Integral, StringKind, documented

_CODES: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY "
    "COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR "
    "ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK "
    "MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF "
    "SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU "
    "UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG BGN ANG"
)
CURRENCY_PATTERN: Final = rf"^(?:{'|'.join(sorted(_CODES.split()))})$"
CURRENCIES: Final = frozenset(_CODES.split())
"""The active currencies of ISO 4217 (List One), and those withdrawn since 2025, which older costs are stated in."""


def _check_currency(value: str) -> str:
    if value not in CURRENCIES:
        raise ValueError("must be an ISO 4217 currency code, such as EUR or USD")
    return value


Currency = Annotated[str, StringKind.CODE, AfterValidator(_check_currency), documented(pattern=CURRENCY_PATTERN)]
Amount = Annotated[int, Strict(), Field(ge=0, le=MAX_INTEGER), Integral]


class Cost(Message):
    """An amount of money. Rules compare it; nothing is converted between currencies."""

    amount: Amount = Field(description="The amount, in whole units of the currency.")
    currency: Currency = Field(description="The currency, as an ISO 4217 code such as `EUR`.")

    def __str__(self) -> str:
        """Return the amount as it is displayed, such as `50,000 EUR`."""
        return f"{self.amount:,} {self.currency}"
