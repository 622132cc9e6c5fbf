throw new Error('drivelist is not part of a browser-only application');
