"""The file system: names in `tree`, bytes in `content`, changes in `feed`, all together in `service`."""
