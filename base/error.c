#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_SIZE = 2048 };

#undef ebjr_error_set
#undef ebjr_error_context
#undef ebjr_error_memory

static _Thread_local char message[MESSAGE_SIZE];

int ebjr_error_set(int code, const char *format, ...)
{
    char text[MESSAGE_SIZE]; /* the arguments may point into the kept message */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(message, text, sizeof text);
    return code;
}

int ebjr_error_context(int code, const char *format, ...)
{
    char text[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length >= 0 && length < MESSAGE_SIZE - 2) {
        size_t left = MESSAGE_SIZE - (size_t)length - 2, kept = strnlen(message, left - 1);
        memcpy(text + length, ": ", 2);
        memcpy(text + length + 2, message, kept);
        text[(size_t)length + 2 + kept] = 0;
    }
    memcpy(message, text, sizeof text);
    return code;
}

int ebjr_error_memory(void)
{
    return ebjr_error_set(EBJR_ENOMEM, "out of memory");
}

int ebjr_error_after(int status, int (*last)(void *context), void *context)
{
    char kept[MESSAGE_SIZE];
    memcpy(kept, message, sizeof kept);
    int after = last(context);
    if (!status)
        return after;
    memcpy(message, kept, sizeof kept);
    return status;
}

const char *ebjr_error_last(void)
{
    return message;
}
