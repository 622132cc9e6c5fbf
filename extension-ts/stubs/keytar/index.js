throw new Error('There is no key store here: keytar is replaced by a stub.');
