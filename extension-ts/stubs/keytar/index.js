throw new Error('keytar is not part of a browser-only application');
