export interface StoredObject {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly etag: string;
}

export interface ObjectListing {
  /** Ordered by key (UTF-8 byte order). */
  readonly objects: readonly { readonly key: string; readonly sizeBytes: number; readonly etag: string }[];
  /** The key to give as `after` for the next page; absent at the end. */
  readonly next?: string;
}

/** One bucket of objects. A put replaces the whole object at once: readers see the old bytes or the new ones. */
export interface Objects {
  readonly name: string;

  /**
   * The object, or undefined when there is none under the key.
   *
   * @param options.maxBytes A larger object is not read, whatever its size: `ObjectTooLargeError`. Unless told there is
   *   no limit but memory's.
   */
  get(key: string, options?: { readonly maxBytes?: number }): Promise<StoredObject | undefined>;

  /** @param key 1..1024 bytes of UTF-8. */
  put(key: string, body: Uint8Array, options?: { readonly contentType?: string }): Promise<void>;

  /** Deletes the object; deleting what is not there is no error. */
  delete(key: string): Promise<void>;

  /** A page of keys. `limit` 1..1000 (default 1000); only keys behind `after`. */
  list(options?: {
    readonly prefix?: string;
    readonly after?: string;
    readonly limit?: number;
  }): Promise<ObjectListing>;
}
