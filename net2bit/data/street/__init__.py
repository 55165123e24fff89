"""A small street-scene painter: what `generators/synthetic_streets.py` draws its pictures with.

A pinhole camera looks along a street; every surface is a polygon in metres that is projected, shaded, hazed by its
distance and painted far to near, so occlusion is the painter's order. One RGBA canvas holds the colour and, in its
fourth channel, the Cityscapes label id, so a colour can never be painted without its label. All randomness comes from
`Chance`, all arithmetic that decides a pixel is exact in IEEE double (no library sine or exponential), so a seed gives
the same picture on every machine.
"""
