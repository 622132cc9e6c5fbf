"""The Theia Bridge server: identity, files and RPC put together behind one port."""
