/** The session's files, as the server names them. */
export const WORKSPACE_PATH = '/workspace';
export const WORKSPACE_URI = `file://${WORKSPACE_PATH}`;

/** The user's own files, the same in all of their sessions. */
export const HOME_URI = 'file:///home';
