"""The outside world for development: Telegram, SMS, the randomness beacon and the phones people hold.

Speaks to the system under development by HTTP only and imports none of its packages.
"""
