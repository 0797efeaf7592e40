/* libcrypto's EVP interface behind a noun of ours, so that its headers stay here. */
#include "dbsnapfs/util/sha256.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "dbsnapfs/util/err.h"

struct sha256 {
    EVP_MD_CTX *evp;
};

int sha256_new(struct sha256 **ret_sha256, struct err *err)
{
    struct sha256 *sha256 = calloc(1, sizeof(*sha256));
    if (!sha256)
        return err_set(err, ENOMEM, "SHA-256: out of memory");
    sha256->evp = EVP_MD_CTX_new();
    if (!sha256->evp) {
        free(sha256);
        return err_set(err, ENOMEM, "SHA-256: out of memory");
    }
    /* Fails where a policy of the system's forbids the digest. */
    if (EVP_DigestInit_ex(sha256->evp, EVP_sha256(), NULL) != 1) {
        sha256_free(sha256);
        return err_set(err, ENOTSUP, "SHA-256: libcrypto refuses it");
    }
    *ret_sha256 = sha256;
    return 0;
}

void sha256_free(struct sha256 *sha256)
{
    if (!sha256)
        return;
    EVP_MD_CTX_free(sha256->evp);
    free(sha256);
}

int sha256_add(struct sha256 *sha256, const void *bytes, size_t len, struct err *err)
{
    if (EVP_DigestUpdate(sha256->evp, bytes, len) != 1)
        return err_set(err, EIO, "SHA-256: libcrypto failed");
    return 0;
}

int sha256_hex(struct sha256 *sha256, char ret_hex[SHA256_HEX_BYTES], struct err *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    if (EVP_DigestFinal_ex(sha256->evp, digest, &len) != 1 || len != 32 ||
        EVP_DigestInit_ex(sha256->evp, EVP_sha256(), NULL) != 1)
        return err_set(err, EIO, "SHA-256: libcrypto failed");
    for (size_t i = 0; i < 32; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[64] = '\0';
    return 0;
}
