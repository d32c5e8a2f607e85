#include "CTLSClient.h"
