/** The session's files. */
export const WORKSPACE_URI = 'file:///workspace';

/** The user's own files, the same in all of their sessions. */
export const HOME_URI = 'file:///home';
