"""The Theia Bridge server: identity, files and RPC put together behind one port."""

from importlib.metadata import version

__version__ = version("theia-bridge")
