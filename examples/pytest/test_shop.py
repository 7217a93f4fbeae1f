"""Tests of a small client, with mocks in the place of the shop."""

import json
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest


def price(shop: str, product: int) -> int:
    """The code under test."""
    with urlopen(f"{shop}/products/{product}", timeout=10) as answer:
        return json.load(answer)["price"]


def test_the_price_of_a_product(mocks):
    shop = mocks({"verb": "GET", "path": "/products/{id}", "response": {"code": 200, "json": {"price": 12}}})
    assert price(shop, 7) == 12


def test_a_shop_that_is_down(mocks):
    shop = mocks({"verb": "GET", "path": "/products/{id}", "response": {"code": 503, "body": "closed"}})
    with pytest.raises(HTTPError, match="503"):
        price(shop, 7)
