// What a backend asks for the drives of, that dialogs offer: the one there always is.
exports.list = async () => [{ mountpoints: [{ path: '/' }] }];
